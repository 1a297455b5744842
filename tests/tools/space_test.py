"""`space` and `genotype`: spaces by name and of files, genotypes to cells and back; a cell with open
choices is none for the other commands."""

import json
import unittest

from support import BAD_COMMAND_LINE, BAD_INPUT, ProgramTest, run_program

SPACE = """cell my_space {
  input x[I]
  state h[H]
  z = choose gate(sigmoid, hard_sigmoid)(linear(x, h))
  choose candidate { n = tanh(linear(x, z * h)) | n = choose bend(tanh, relu)(linear(x, h)) }
  h' = z * h + (1 - z) * n
}
"""


class SpaceTest(ProgramTest):

    def good(self, *arguments):
        """What a command that succeeds prints."""
        return self.run_well(*arguments).out

    def bad(self, *arguments):
        """The message of a command that is refused."""
        result = run_program(*arguments)
        self.assertEqual(result.status, BAD_INPUT, result.err)
        self.assertEqual(result.out, "")
        return result.err

    def test_named_space(self):
        found = self.good("space", "darts", "--sample", "2", "--seed", "3", "--json")
        space = json.loads(found)
        self.assertEqual(space["genotypes"], 4**8 * 40320)
        self.assertEqual(len(space["samples"]), 2)
        self.assertEqual(found, self.good("space", "darts", "--sample", "2", "--seed", "3", "--json"))
        text = self.good("space", "jozefowicz", "--sample", "1")
        self.assertIn("genotypes: no limit", text)
        self.write("sample.cell", text[text.index("cell ") :])
        self.good("check", self.path("sample.cell"))

    def test_file(self):
        path = self.write("my.cell", SPACE)
        self.assertEqual(self.good("space", path).strip(), f"{path}: 3 choices; genotypes: 6")
        self.good("check", path)
        refused = self.bad("show", path)
        self.assertIn("choice `gate` is open; make it with `--set gate=1`: 1 `sigmoid`", refused)
        shown = self.good("show", path, "--set", "gate=2", "--set", "candidate=2", "--set", "bend=2")
        self.assertIn("z = hard_sigmoid(linear(x, h))\n  n = relu(linear(x, h))", shown)
        self.assertIn("choice `gate` is set to 3", self.bad("show", path, "--set", "gate=3"))
        self.assertIn("has no option `gat`", self.bad("show", path, "--set", "gat=3"))

    def test_refusals(self):
        self.assertIn("unknown space `dart`; expected one of", self.bad("space", "dart"))
        self.assertIn("cannot read `none.cell`", self.bad("space", "none.cell"))
        path = self.write("wrong.cell", "cell a {\n  state h[H]\n  h' = choose { h | k }\n}\n")
        result = self.run_well("space", path, "--sample", "20")
        self.assertRegex(result.err, r"note: \d+ of \d+ draws were no cell: their choices do not check together; the "
                                     r"first:\n")
        self.assertIn("unknown name `k`", result.err)
        self.assertEqual(result.out.count("cell a {"), 20)

    def test_genotypes(self):
        recipe = json.loads(self.good("genotype", "export", "gru", "--format", "nas-bench-nlp"))
        self.assertEqual(recipe["h_new_0"]["op"], "blend")
        lines = self.write("two.jsonl", 2 * (json.dumps({"recipe": recipe}) + "\n"))
        out = self.path("two.cell")
        self.good("genotype", "import", lines, "--format", "nas-bench-nlp", "--name", "r", "-o", out)
        again = self.good("genotype", "export", out + ":r_2", "--format", "nas-bench-nlp")
        self.assertEqual(json.loads(again), recipe)
        both = self.write("list.json", json.dumps([recipe, recipe]))
        self.assertEqual(self.good("genotype", "import", both, "--format", "nas-bench-nlp").count("cell imported_"), 2)
        for command in ["import", lines], ["export", out + ":r_2"]:
            self.check_refused(BAD_INPUT, "--out is a file that this reads", "genotype", *command, "--format",
                               "nas-bench-nlp", "-o", command[1].removesuffix(":r_2"))
        for name in "foo bar", "cell", "", "1a", "a { input x[I]; state h[H]; h' = linear(x, h) } cell b":
            self.check_refused(BAD_COMMAND_LINE, "--name: expected a name of letters, digits and `_`", "genotype",
                               "import", lines, "--format", "nas-bench-nlp", "--name", name)
        wrong = self.write("wrong.json", "[4]")
        self.assertIn(
            f"genotype 1 of `{wrong}`: number 0 of this genotype, a function: expected a whole number "
            "from 0 to 3, found `4`",
            self.bad("genotype", "import", wrong, "--format", "enas"),
        )
        wrong = self.write("wrong.jsonl", "[0]\n[0\n")
        self.assertIn("see line 2", self.bad("genotype", "import", wrong, "--format", "enas"))
        empty = self.write("empty.jsonl", "\n")
        self.assertIn("holds no genotypes", self.bad("genotype", "import", empty, "--format", "enas"))
        self.assertIn(
            "this is no cell of `enas` or `darts`",
            self.bad("genotype", "export", "gru", "--format", "darts"),
        )

    def test_genotypes_of_spaces(self):
        spaces = ["jozefowicz", "zoph_le", "enas", "darts", "nas_bench_nlp", self.write("my.cell", SPACE)]
        for space in spaces:
            sample = json.loads(self.good("space", space, "--sample", "1", "--seed", "5", "--json"))["samples"][0]
            cell = self.write("sample.cell", sample["cell"])
            genotype = self.good("genotype", "export", cell, "--space", space)
            if space != "jozefowicz": # its graphs differ in names
                self.assertEqual(json.loads(genotype), sample["genotype"])
            imported = self.good("genotype", "import", self.write("g.json", genotype), "--space", space, "--name", "again")
            again = self.write("again.cell", imported)
            self.assertTrue(imported.startswith("cell again {"))
            self.assertEqual(self.good("genotype", "export", again, "--space", space), genotype)
        self.assertIn("this is no cell of `", self.bad("genotype", "export", "gru", "--space", spaces[-1]))
        self.assertIn("this is no cell of", self.bad("genotype", "export", "gru", "--space", "darts"))
        for both in [], ["--space", "darts", "--format", "darts"]:
            self.check_refused(BAD_COMMAND_LINE, "expected either --format or --space", "genotype", "export", "gru",
                               *both)


if __name__ == "__main__":
    unittest.main()
