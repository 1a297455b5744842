# lit: the tests of the passes run cell-opt on text and FileCheck on what comes out.
import os

import lit.formats

config.name = "cellwright passes"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(lit_config.params["build"], "tests", "codegen", "passes")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(lit_config.params["build"], "bin"), lit_config.params["llvm"], os.environ["PATH"]]
)
