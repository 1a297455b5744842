"""`search`: studies that are begun, joined, stopped, killed and resumed give the same trials; limits of
trials; what is refused."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import termios
import time
import unittest
import urllib.parse

from support import BAD_COMMAND_LINE, BAD_INPUT, PROGRAM, ProgramTest

SPACE = """cell my_space {
  input x[I]
  state h[H]
  z = choose gate(sigmoid, hard_sigmoid, softsign)(linear(x, h))
  n = choose bend(tanh, relu, identity)(linear(x, h))
  h' = choose mix { z * h + (1 - z) * n | h + z * n | z * h + n }
}
"""
TABLE = re.compile(r"trial +quality +params")
SMALL = ["--task", "adding:steps=6,batch=8", "--updates", "20", "--evaluations", "2", "--hidden", "6"]


class SearchTest(ProgramTest):

    def search(self, study, *arguments):
        return self.run_well("search", *arguments, "--study", self.path(study))

    def begin(self, study, *arguments):
        return self.search(study, "jozefowicz", *SMALL, "--workers", "1", *arguments)

    def trials(self, study):
        """What a study has of its trials, times apart."""
        with contextlib.closing(sqlite3.connect(f"file:{urllib.parse.quote(self.path(study))}?mode=ro", uri=True)) as database:
            return database.execute(
                "SELECT number, state, status, quality, seed, learning_rate, hidden, parameters, hash, parents, "
                "repeats, cell, (SELECT group_concat(at || '=' || value) FROM trial_values WHERE trial = number) "
                "FROM trials ORDER BY number").fetchall()

    def popen(self, study, *arguments):
        return subprocess.Popen(
            [PROGRAM, "search", *arguments, "--study", self.path(study)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True)

    def wait_for_trials(self, study, count):
        """Waits until so many trials have ended."""
        for _ in range(1200):
            with contextlib.suppress(sqlite3.Error):
                if sum(trial[1] >= 2 for trial in self.trials(study)) >= count:
                    return
            time.sleep(0.05)
        self.fail(f"no {count} trials within a minute")

    def watch(self, study, *arguments, rows, columns):
        """What a terminal shows of a search that is stopped once it shows a quality: each table, and what stays."""
        terminal, end = pty.openpty()
        termios.tcsetwinsize(end, (rows, columns))
        with subprocess.Popen([PROGRAM, "search", *arguments, "--study", self.path(study)], stderr=end,
                              stdout=subprocess.DEVNULL, start_new_session=True) as running:
            os.close(end)
            shown, screens, is_stopped = b"", [], False
            try:
                while part := os.read(terminal, 65536):
                    shown += part
                    screens = self.screens_of(shown.decode())
                    if not is_stopped and any(TABLE.match(line) for screen in screens for line in screen):
                        running.send_signal(signal.SIGINT)
                        is_stopped = True
            except OSError:  # nobody writes to it any more
                pass
            finally:
                os.close(terminal)
        self.assertEqual(running.returncode, 0, shown)
        return screens[:-1], screens[-1]

    @staticmethod
    def screens_of(shown):
        """The lines before each time when some are taken away, and those at the end."""
        lines, screens = [], []
        for part in re.split("(\x1b\\[[0-9]+A\r\x1b\\[J)", shown.replace("\r\n", "\n")):
            if part.startswith("\x1b"):
                screens.append(list(lines))
                del lines[len(lines) - int(part[2:part.index("A")]):]
            else:
                lines += part.splitlines()
        return screens + [lines]

    # ---- What a search does

    def test_a_search_ends_with_a_table_of_its_best_cells(self):
        result = self.begin("s.db", "--trials", "6", "--strategy", "random", "--filters", "equations")
        self.assertRegex(result.out, r"^jozefowicz on adding:steps=6,batch=8 by random\n6 done  0 running")
        self.assertIn("all trials have ended", result.err)
        trials = self.trials("s.db")
        self.assertEqual(len(trials), 6)
        qualities = [float(line.split()[1]) for line in result.out.split("\n\n")[1].splitlines()[1:]]
        self.assertEqual(qualities, sorted(qualities))
        self.assertAlmostEqual(qualities[0], min(trial[3] for trial in trials), 4)
        self.assertEqual(len({trial[8] for trial in trials}), 6, "no cell is trained twice")

    def test_stopped_and_resumed_is_as_if_nothing_had_happened(self):
        for strategy in "evolution", "asha":
            whole, parts = f"{strategy} whole.db", f"{strategy} parts.db"
            self.begin(whole, "--trials", "8", "--strategy", strategy, "--option",
                       "population=3" if strategy == "evolution" else "rungs=2")
            for trials in "3", "5":
                self.begin(parts, "--trials", trials, "--strategy", strategy, "--option",
                           "population=3" if strategy == "evolution" else "rungs=2")
            self.search(parts, "--resume", "--workers", "1", "--trials", "8")
            self.assertEqual(self.trials(parts), self.trials(whole))

    def test_a_controller_that_learns_is_resumed_too(self):
        space = ["darts", *SMALL, "--filters", "equations", "--strategy", "reinforce", "--option", "batch=2",
                 "--option", "learning-rate=0.1", "--workers", "1"]
        self.search("whole.db", *space, "--trials", "7")
        self.search("parts.db", *space, "--trials", "5")
        self.search("parts.db", "--resume", "--workers", "1", "--trials", "7")
        self.assertEqual(self.trials("parts.db"), self.trials("whole.db"))

    def test_killed_and_resumed_gives_the_same_trials(self):
        self.begin("whole.db", "--trials", "6")
        with self.popen("killed.db", "jozefowicz", *SMALL, "--workers", "1") as running:
            self.wait_for_trials("killed.db", 2)
            os.killpg(running.pid, signal.SIGKILL)
        self.search("killed.db", "--resume", "--workers", "1", "--trials", "6")
        self.assertEqual(self.trials("killed.db")[:6], self.trials("whole.db"))

    def test_ctrl_c_ends_with_everything_saved(self):
        with self.popen("s.db", "jozefowicz", *SMALL, "--workers", "2") as running:
            self.wait_for_trials("s.db", 2)
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
            self.assertEqual(running.returncode, 0, err)
        self.assertIn("stopped; everything is saved", err)
        self.assertIn("  0 running", out)
        self.assertTrue(all(trial[1] >= 2 for trial in self.trials("s.db")))

    def test_on_a_terminal_a_table_stands_while_it_runs(self):
        screens, end = self.watch("s.db", "jozefowicz", *SMALL, "--workers", "1", "--time", "60s", rows=12, columns=60)
        self.assertTrue(any(TABLE.match(line) for screen in screens for line in screen[3:4]), screens)
        for screen in screens:
            self.assertTrue(screen[0].startswith("jozefowicz on adding:steps=6,batch=8 by evolution"), screen)
            self.assertIn(" done  ", screen[1])
            self.assertLess(len(screen), 12)
            self.assertLess(max(map(len, screen)), 60)
        self.assertEqual(end, ["stopped; everything is saved"])

    def test_several_processes_share_a_study(self):
        arguments = ["jozefowicz", *SMALL, "--workers", "2", "--trials", "10"]
        with contextlib.ExitStack() as stack:
            joined = [stack.enter_context(self.popen("s.db", *arguments)) for _ in range(3)]
            for process in joined:
                self.assertEqual(process.wait(timeout=120), 0, process.stderr.read())
        trials = self.trials("s.db")
        self.assertEqual([trial[0] for trial in trials], list(range(1, 11)))
        self.assertTrue(all(trial[1] >= 2 for trial in trials))

    def test_a_file_is_a_space(self):
        path = self.write("my.cell", SPACE)
        self.search("s.db", path, *SMALL, "--strategy", "random", "--trials", "5")
        self.assertTrue(all("choose" not in trial[11] for trial in self.trials("s.db")))
        self.write("my.cell", SPACE.replace("softsign", "relu"))
        self.check_refused(BAD_INPUT, r"the space `.*` is not what this study was made with", "search", "--study",
                           self.path("s.db"), "--trials", "6")

    def test_choices_that_do_not_check_together_are_counted(self):
        path = self.write("my.cell", "cell c {\n  input x[I]\n  state h[H]\n  choose a { v[H] = linear(x, h) | v[2 * H] = "
                                     "linear(x, h) }\n  choose b { h' = tanh(linear(v, x)) | h' = tanh(v + linear(x)) }\n}\n")
        samples = self.run_well("space", path, "--sample", "20")
        self.assertRegex(samples.err, r"note: \d+ of \d+ draws were no cell: their choices do not check together")
        result = self.search("s.db", path, *SMALL, "--strategy", "random", "--filters", "equations", "--trials", "3")
        self.assertRegex(result.out, r"refused \((check|.*check) \d+")

    def test_a_study_is_one_file_at_its_end(self):
        self.begin("s.db", "--trials", "2", "--filters", "equations")
        self.assertEqual(self.names(), ["s.db"])
        os.rename(self.path("s.db"), self.path("copy.db"))
        self.assertEqual(len(self.trials("copy.db")), 2)
        with self.popen("t.db", "jozefowicz", *SMALL, "--workers", "1") as running:
            self.wait_for_trials("t.db", 1)
            os.killpg(running.pid, signal.SIGKILL)
        os.remove(self.path("t.db"))
        self.check_refused(BAD_INPUT, "`.*t.db-wal` is the latest part of a study `.*t.db` that is gone", "search",
                           "darts", *SMALL, "--study", self.path("t.db"))

    def test_a_study_that_is_removed_ends_its_search(self):
        with self.popen("s.db", "jozefowicz", *SMALL, "--workers", "1") as running:
            self.wait_for_trials("s.db", 1)
            os.remove(self.path("s.db"))
            self.assertEqual(running.wait(timeout=60), BAD_INPUT)
            self.assertIn("was removed or replaced while it was in use", running.stderr.read())

    def test_a_search_stopped_often_loses_no_trial(self):
        hyper = self.write("slow.json", '{"learning_rate": [1e-9], "init_scale": [1], "clip_norm": [1], "layers": [1], '
                                        '"hidden": [64]}')
        arguments = ["darts", "--task", "adding", "--updates", "1000000", "--hyper", hyper, "--workers", "1", "--filters",
                     "equations"]
        for _ in range(12):
            with self.popen("s.db", *arguments) as running:
                for _ in range(600):
                    with contextlib.suppress(sqlite3.Error):
                        if [trial[1] for trial in self.trials("s.db")] == [1]:
                            break
                    time.sleep(0.02)
                running.send_signal(signal.SIGINT)
                time.sleep(0.05)
                running.send_signal(signal.SIGINT)
                self.assertEqual(running.wait(timeout=60), 0)
        self.assertEqual([trial[1:3] for trial in self.trials("s.db")], [(0, None)])
        self.assertIn("\n0 done  0 running  1 interrupted\n", self.run_well("search", "status", self.path("s.db")).out)
        status = json.loads(self.run_well("search", "status", self.path("s.db"), "--json").out)
        self.assertEqual((status["interrupted"], status["running"]), (1, []))

    def test_the_program_may_be_moved(self):
        moved = self.path("moved")
        shutil.copy(PROGRAM, moved)
        with subprocess.Popen([moved, "search", "jozefowicz", *SMALL, "--workers", "1", "--trials", "6", "--study",
                               self.path("s.db")], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
            self.wait_for_trials("s.db", 1)
            os.remove(moved)
            self.assertEqual(running.wait(timeout=120), 0, running.stderr.read())
    def test_a_study_is_the_same_search_from_every_folder(self):
        path = self.write("my.cell", SPACE)
        text = self.write("text.txt", "To be, or not to be, that is the question.\n" * 60)
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(os.path.dirname(path))
        arguments = ["--updates", "2", "--hidden", "4", "--strategy", "random"]
        self.search("s.db", "./my.cell:my_space", "--task", "characters:batch=2,steps=5,path=text.txt", *arguments, "--trials",
                    "1")
        os.chdir(here)
        self.search("s.db", path + ":my_space", "--task", f"characters:steps=5,batch=2,path={text}", *arguments, "--trials",
                    "2")
        self.search("s.db", "--trials", "3")
        self.assertEqual(len(self.trials("s.db")), 3)

    def test_the_file_of_a_task_stays(self):
        text = self.write("text.txt", "To be, or not to be, that is the question.\n" * 60)
        self.search("s.db", "darts", "--task", f"characters:batch=2,steps=5,path={text}", "--updates", "2", "--hidden",
                    "4", "--trials", "1")
        self.write("text.txt", "To be, or not to be?\n" * 100)
        self.check_refused(BAD_INPUT, "the file of a task has changed since this study was made", "search", "--study",
                           self.path("s.db"), "--trials", "2")

    def test_gradients_that_vanish_or_explode_are_counted(self):
        path = self.write("my.cell", "cell c {\n  input x[I]\n  state h[H]\n  h' = linear(x) + choose { 0.1 * h | 3 * h | "
                                     "0.9 * h }\n}\n")
        result = self.search("s.db", path, *SMALL, "--strategy", "random", "--trials", "3", "--workers", "1")
        self.assertIn("1 done  0 running  2 failed (exploding 1, vanishing 1)", result.out)
        result = self.search("t.db", path, *SMALL, "--strategy", "random", "--trials", "3", "--filters", "equations")
        self.assertNotIn("vanishing", result.out)

    def test_a_small_space_is_exhausted(self):
        path = self.write("my.cell", SPACE.replace("hard_sigmoid, softsign", "hard_sigmoid").replace(
            "choose mix { z * h + (1 - z) * n | h + z * n | z * h + n }", "z * h + (1 - z) * n").replace(
            ", relu, identity", ", relu"))
        result = self.search("s.db", path, *SMALL, "--strategy", "random", "--trials", "100")
        self.assertIn("10000 candidates in a row were known already", result.err)
        self.assertLessEqual(len(self.trials("s.db")), 4)

    def test_a_space_of_which_nothing_can_be_tried_is_refused(self):
        path = self.write("my.cell", "cell c {\n  input x[I]\n  state h[H]\n  h' = choose(tanh, relu)(linear(x))\n}\n")
        self.check_refused(BAD_INPUT, "none of 10000 draws of the space .* can be tried; the first: .*past",
                           "search", path, *SMALL, "--study", self.path("s.db"))
        self.assertFalse(os.path.exists(self.path("s.db")))

    def test_a_space_with_a_wrong_alternative_begins_no_study(self):
        path = self.write("my.cell", SPACE.replace("softsign", "softsing"))
        self.check_refused(BAD_INPUT, "has alternatives that are wrong:.*did you mean `softsign`", "search", path, *SMALL,
                           "--study", self.path("s.db"))
        self.assertFalse(os.path.exists(self.path("s.db")))

    def test_a_study_s_own_files_are_not_written_over(self):
        path = self.write("my.cell", SPACE)
        self.search("s.db", path, *SMALL, "--strategy", "random", "--trials", "1")
        for command in ["best"], ["report"], ["export", "--format", "csv"]:
            self.check_refused(BAD_INPUT, "--out is a file that this reads, `.*my.cell`; name another file", "search",
                               *command, self.path("s.db"), "-o", path)

    def test_after_the_first_ctrl_c_it_says_what_the_second_does(self):
        with self.popen("s.db", "darts", "--task", "adding", "--updates", "1000000", "--hidden", "64", "--workers", "1",
                        "--filters", "equations") as running:
            for _ in range(1200):
                with contextlib.suppress(sqlite3.Error):
                    if self.trials("s.db"):
                        break
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            for line in running.stderr:
                if "note: ending when the running trials end; Ctrl-C again gives them back at once" in line:
                    break
            else:
                self.fail("it did not say what it waits for")
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=60)
            self.assertEqual(running.returncode, 0)

    # ---- Limits

    def test_a_budget_gives_each_cell_its_size(self):
        arguments = [word for word in SMALL if word not in ("--hidden", "6")]
        self.search("s.db", "jozefowicz", *arguments, "--trials", "5", "--budget-params", "500")
        for trial in self.trials("s.db"):
            self.assertLessEqual(trial[7], 500)
            self.assertGreater(trial[7], 300)

    def test_trials_beyond_their_time_fail_and_the_search_goes_on(self):
        hyper = self.write("slow.json", '{"learning_rate": [1e-9], "init_scale": [1], "clip_norm": [1], "layers": [1], '
                                        '"hidden": [64]}')
        self.search("s.db", "darts", "--task", "adding", "--updates", "1000000", "--hyper", hyper, "--filters",
                    "equations", "--trial-time", "1s", "--trials", "2")
        self.assertEqual({trial[2] for trial in self.trials("s.db")}, {"no-time"})

    def test_trials_beyond_their_memory_fail_and_the_search_goes_on(self):
        result = self.search("s.db", "jozefowicz", "--task", "adding:batch=1000", "--updates", "3", "--hidden", "4000",
                             "--filters", "equations", "--trial-memory", "300MB", "--trials", "2")
        self.assertEqual({trial[2] for trial in self.trials("s.db")}, {"no-memory"})
        self.assertIn("2 failed (no-memory 2)", result.out)
        self.assertRegex(result.err, r"note: no trial has a quality; trial 1: no-memory: .")

    def test_a_search_ends_in_its_time(self):
        result = self.search("s.db", "jozefowicz", *SMALL, "--time", "1s")
        self.assertIn("the time is over", result.err)
        self.assertIn("  0 running", result.out)

    # ---- What is refused

    def test_what_is_missing_is_said(self):
        study = ["--study", self.path("s.db")]
        self.check_refused(BAD_COMMAND_LINE, "error: --study is missing", "search", "jozefowicz", *SMALL)
        self.check_refused(BAD_COMMAND_LINE, "error: --task is missing", "search", "jozefowicz", *study)
        self.check_refused(BAD_COMMAND_LINE, "error: SPACE is missing: there is no study", "search", *study)
        self.check_refused(BAD_INPUT, "there is no study `.*s.db`", "search", "--resume", *study)
        self.check_refused(BAD_INPUT, "there is no study `.*s.db`", "search", "darts", *SMALL, "--resume", *study)
        self.assertEqual(self.names(), [])

    def test_what_is_unknown_is_said_before_anything_is_made(self):
        study = ["--study", self.path("s.db")]
        for message, arguments in {
                "unknown space `dart`": ["dart", *SMALL],
                "unknown task `addin`": ["darts", "--task", "addin"],
                "unknown strategy `best`": ["darts", *SMALL, "--strategy", "best"],
                "populatio": ["darts", *SMALL, "--option", "populatio=3"],
                "strategy `evolution` schedules no other; leave out `:asha`": ["darts", *SMALL, "--strategy", "evolution:asha"],
                "strategy `reinforce` learns decisions, and the cells of `jozefowicz`": [
                    "jozefowicz", *SMALL, "--strategy", "reinforce"],
                "strategy `asha` has no option `factr`; it has factor, rungs": [
                    "darts", *SMALL, "--strategy", "asha", "--option", "factr=5"],
                "20 updates are too few for 4 rungs": ["darts", *SMALL, "--strategy", "asha"],
                "strategy `evolution` tries cells on the study's task only": [
                    "darts", *SMALL, "--strategy", "evolution", "--gate", "memorization"],
                "strategy `random` tries cells on the study's task only": [
                    "darts", *SMALL, "--strategy", "asha", "--option", "rungs=2", "--more-task", "xml"],
                "unknown list of hyperparameters `adm`": ["darts", *SMALL, "--hyper", "adm"],
                "unknown measure|speed": ["darts", *SMALL, "--against", "speed"],
                "cannot read `.*none.json`": ["darts", *SMALL, "--hyper", self.path("none.json")],
        }.items():
            self.check_refused(BAD_INPUT, message, "search", *arguments, *study)
        for message, arguments in {
                "--strategy: expected a name, got `asha,factor=3`; options are given by `--option factor=3`": [
                    "--strategy", "asha,factor=3"],
                "--option: expected NAME=NUMBER, got `population`": ["--option", "population"],
                "--option: expected a number after `a=`, got `b`": ["--option", "a=b"],
                "--option: `a` was given twice, as 1 and as 2": ["--option", "a=1", "--option", "a=2"],
                "--time: expected a time with its unit, 90s, 30m, 1.5h or 2d, got `5`": ["--time", "5"],
                "--trial-time: expected a time": ["--trial-time", "0s"],
                "--against: quality is weighed already": ["--against", "quality"],
                "--against: `params` was given twice": ["--against", "params", "--against", "params"],
                "--workers: expected": ["--workers", "0"],
        }.items():
            self.check_refused(BAD_COMMAND_LINE, message, "search", "darts", *SMALL, *arguments, *study)
        self.assertEqual(self.names(), [])

    def test_what_would_be_ignored_is_refused(self):
        self.begin("s.db", "--trials", "1")
        self.check_refused(BAD_COMMAND_LINE, "--updates needs SPACE: without it the study goes on as it is", "search",
                           "--study", self.path("s.db"), "--updates", "7")
        self.check_refused(BAD_COMMAND_LINE, "--hidden and --budget-params exclude each other|--budget-params and "
                           "--hidden exclude each other", "search", "darts", *SMALL, "--budget-params", "3k", "--study",
                           self.path("t.db"))
        self.check_refused(BAD_COMMAND_LINE, "--task has no meaning beside --replay", "search", "--replay", "x",
                           "--task", "adding")

    def test_another_search_is_not_joined(self):
        self.begin("s.db", "--trials", "1")
        self.check_refused(BAD_INPUT, [r"the study `.*` is another search", "seed: 1 in the study, 2 here"], "search",
                           "jozefowicz", *SMALL, "--seed", "2", "--study", self.path("s.db"))
        self.check_refused(BAD_INPUT, r"strategy: \"evolution\" in the study, \"random\" here", "search",
                           "jozefowicz", *SMALL, "--strategy", "random", "--study", self.path("s.db"))

    def test_a_file_that_is_no_study_is_refused_and_stays(self):
        path = self.write("notes.txt", "not a study\n")
        self.check_refused(BAD_INPUT, "notes.txt", "search", "jozefowicz", *SMALL, "--study", path)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "not a study\n")


if __name__ == "__main__":
    unittest.main()
