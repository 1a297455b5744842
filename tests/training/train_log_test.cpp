#include "training/train_log.h"

#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <sstream>

using namespace cellwright;

static TrainLogLine lineOf(int64_t update) {
  return {update, 0.5, 1.25, {}, 2e-3, 0.75, 12345.6, 1.5};
}

TEST_CASE("a log in CSV has a header and a line for each line") {
  TemporaryFolder folder;
  TrainLog log(folder / "log.csv", 0);
  log.append(lineOf(10));
  TrainLogLine evaluated = lineOf(20);
  evaluated.validationLoss = 1.5;
  log.append(evaluated);
  CHECK(readFile(folder / "log.csv") == "update,epoch,train_loss,validation_loss,learning_rate,"
                                        "gradient_norm,symbols_per_second,seconds\n"
                                        "10,0.5000,1.250000,,0.002,0.75,12346,1.500\n"
                                        "20,0.5000,1.250000,1.500000,0.002,0.75,12346,1.500\n");
}

TEST_CASE("a log in JSONL has an object in each line") {
  TemporaryFolder folder;
  TrainLog log(folder / "log.jsonl", 0);
  log.append(lineOf(10));
  std::istringstream text(readFile(folder / "log.jsonl"));
  std::string line;
  REQUIRE(std::getline(text, line));
  nlohmann::json json = nlohmann::json::parse(line);
  CHECK(json["update"] == 10);
  CHECK(json["train_loss"] == 1.25);
  CHECK(json["validation_loss"].is_null());
}

TEST_CASE("a resumed log drops what will be done again, and a line that was cut off") {
  for (const char *name : {"log.csv", "log.jsonl"}) {
    CAPTURE(name);
    TemporaryFolder folder;
    {
      TrainLog log(folder / name, 0);
      for (int64_t update : {10, 20, 30})
        log.append(lineOf(update));
    }
    std::string whole = readFile(folder / name);
    writeFile(folder / name, whole + "40,0.");
    TrainLog log(folder / name, 20);
    log.append(lineOf(30));
    CHECK(readFile(folder / name) == whole);
    TrainLog fresh(folder / name, 0);
    CHECK(readFile(folder / name).find("10") == std::string::npos);
  }
}

TEST_CASE("a file that is no log is refused and stays") {
  TemporaryFolder folder;
  writeFile(folder / "letter", "dear reader\n");
  CHECK(errorOf([&] { TrainLog(folder / "letter", 5); }) ==
        "`" + (folder / "letter") + "` is no log of training: it has the line `dear reader`");
  CHECK(readFile(folder / "letter") == "dear reader\n");
}
