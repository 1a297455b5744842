// Tasks: first examples by heart, answers once more by other means, what chance scores.
#include "runtime/files.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "training/safetensors.h"
#include "training/task.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

constexpr std::string_view kArithmeticAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789+-=.";
constexpr std::string_view kXmlAlphabet = "abcdefghijklmnopqrstuvwxyz</>";
const std::string kChorales = CELLWRIGHT_SOURCE_DIR "/data/jsb_chorales.txt";
const std::string kShakespeare = CELLWRIGHT_SOURCE_DIR "/data/tinyshakespeare.txt";

/// A sequence of a batch as text: its inputs and its last target.
std::string textOf(const TaskBatch &batch, int64_t sequence, std::string_view alphabet) {
  std::string text;
  int64_t row = sequence;
  for (int64_t step = 0; step < batch.lengths[sequence]; ++step, row += batch.sequences)
    text += alphabet[batch.inputSymbols[row]];
  return text + alphabet[batch.targetSymbols[row - batch.sequences]];
}

double countedSteps(const TaskBatch &batch) {
  return static_cast<double>(std::count(batch.counts.begin(), batch.counts.end(), 1));
}

/// All tasks that need no file, and those of the repository.
std::vector<std::string> descriptions() {
  return {"memorization",
          "arithmetic",
          "xml",
          "adding",
          "copy",
          "characters:path=" + kShakespeare,
          "music:path=" + kChorales};
}

/// What the task's own answer would be without the distractors.
void checkSum(const std::string &text) {
  std::string plain;
  for (char letter : text)
    if (letter < 'a' || letter > 'z')
      plain += letter;
  size_t equals = plain.find('='), sign = plain.find_first_of("+-", 1);
  REQUIRE(sign < equals);
  long long left = std::stoll(plain.substr(0, sign));
  long long right = std::stoll(plain.substr(sign + 1, equals - sign - 1));
  long long answer = plain[sign] == '+' ? left + right : left - right;
  CHECK(plain.substr(equals + 1) == std::to_string(answer) + ".");
  CHECK(std::abs(left) < 100'000'000);
  CHECK(right < 100'000'000);
}

/// Reads documents one after another; the last may be cut. Gives how many tags were closed.
int parseXml(const std::string &text) {
  std::vector<std::string> open;
  int closed = 0;
  for (size_t at = 0; at < text.size();) {
    REQUIRE(text[at] == '<');
    size_t end = text.find('>', at);
    if (end == std::string::npos)
      return closed;
    std::string name = text.substr(at + 1, end - at - 1);
    if (name[0] == '/') {
      REQUIRE(!open.empty());
      CHECK(name.substr(1) == open.back());
      open.pop_back();
      ++closed;
    } else {
      CHECK(name.size() >= 2);
      CHECK(name.size() <= 10);
      CHECK(name.find_first_of("</>") == std::string::npos);
      open.push_back(name);
    }
    at = end + 1;
  }
  return closed;
}

} // namespace

TEST_CASE("first examples are what they were") {
  CHECK(textOf(makeTask("arithmetic")->trainingBatch(1, 0), 0, kArithmeticAlphabet) ==
        "-h1gl0u5rcx99sc7q+jk7ya6tj=-105921.");
  CHECK(textOf(makeTask("xml:steps=60")->trainingBatch(1, 0), 0, kXmlAlphabet) ==
        "<bg><ihoglkux><xe><ciqsjkoy></ciqsjkoy><jhxdnbrf><nfocaul><ed");
  // Recomputed in Python from the seed.
  TaskBatch adding = makeTask("adding:steps=4")->trainingBatch(1, 0);
  const float numbers[] = {0.04043883676825355f, 0.24157644087792085f, 0.7395886798037303f,
                           0.673045603099137f};
  for (int64_t step = 0; step < 4; ++step) {
    CHECK(adding.inputs[step * adding.sequences * 2] == numbers[step]);
    CHECK(adding.inputs[step * adding.sequences * 2 + 1] == (step == 1 || step == 2));
  }
  TaskBatch memory = makeTask("memorization:delay=2")->trainingBatch(1, 0);
  const int32_t read[] = {17, 0, 1, 6, 19, 26, 26, 27, 27, 27, 27, 27};
  CHECK(memory.steps == std::ssize(read));
  for (int64_t step = 0; step < memory.steps; ++step)
    CHECK(memory.inputSymbols[step * memory.sequences] == read[step]);
}

TEST_CASE("batches are functions of seed and number") {
  for (const std::string &description : descriptions()) {
    CAPTURE(description);
    auto task = makeTask(description), again = makeTask(description);
    auto isSame = [](const TaskBatch &a, const TaskBatch &b) {
      return a.inputSymbols == b.inputSymbols && a.inputs == b.inputs &&
             a.targetSymbols == b.targetSymbols && a.targets == b.targets && a.counts == b.counts &&
             a.lengths == b.lengths;
    };
    (void)again->trainingBatch(1, 0);
    CHECK(isSame(task->trainingBatch(1, 3), again->trainingBatch(1, 3)));
    CHECK_FALSE(isSame(task->trainingBatch(1, 3), task->trainingBatch(1, 4)));
    bool hasSeed = !description.starts_with("characters");
    CHECK(isSame(task->trainingBatch(1, 3), task->trainingBatch(2, 3)) == !hasSeed);
    for (TaskPart part : {TaskPart::Quick, TaskPart::Validation, TaskPart::Test}) {
      REQUIRE(task->batchCount(part) > 0);
      CHECK(isSame(task->batch(part, 0), again->batch(part, 0)));
    }
    CHECK(task->batchCount(TaskPart::Quick) <= task->batchCount(TaskPart::Validation));
    CHECK(isSame(task->batch(TaskPart::Quick, 0), task->batch(TaskPart::Validation, 0)));
    CHECK_FALSE(isSame(task->batch(TaskPart::Test, 0), task->batch(TaskPart::Validation, 0)));
  }
}

TEST_CASE("batches have the shapes that the task says, and numbers in range") {
  for (const std::string &description : descriptions()) {
    CAPTURE(description);
    auto task = makeTask(description);
    const TaskForm &form = task->form();
    for (const TaskBatch &batch :
         {task->trainingBatch(1, 0), task->batch(TaskPart::Validation, 0)}) {
      size_t rows = batch.steps * batch.sequences;
      CHECK(batch.counts.size() == rows);
      CHECK(std::ssize(batch.lengths) == batch.sequences);
      CHECK(*std::max_element(batch.lengths.begin(), batch.lengths.end()) == batch.steps);
      CHECK(countedSteps(batch) > 0);
      auto check = [&](StepKind kind, int64_t size, const std::vector<int32_t> &symbols,
                       const std::vector<float> &numbers) {
        CHECK(symbols.size() == (kind == StepKind::Symbols ? rows : 0));
        CHECK(numbers.size() == (kind == StepKind::Symbols ? 0 : rows * size));
        for (int32_t symbol : symbols)
          REQUIRE((symbol >= 0 && symbol < size));
        if (kind == StepKind::Bits)
          for (float number : numbers)
            REQUIRE((number == 0 || number == 1));
      };
      check(form.inputKind, form.inputSize, batch.inputSymbols, batch.inputs);
      check(form.targetKind, form.targetSize, batch.targetSymbols, batch.targets);
    }
  }
}

TEST_CASE("answers of arithmetic are right, and digits stand between letters") {
  auto task = makeTask("arithmetic");
  double letters = 0, all = 0;
  bool hasNegative = false, hasLong = false;
  for (int64_t update = 0; update < 20; ++update) {
    TaskBatch batch = task->trainingBatch(7, update);
    for (int64_t n = 0; n < batch.sequences; ++n) {
      std::string text = textOf(batch, n, kArithmeticAlphabet);
      checkSum(text);
      // Exactly the answer counts.
      int64_t counted = 0;
      for (int64_t step = 0; step < batch.steps; ++step)
        counted += batch.counts[step * batch.sequences + n];
      size_t equals = text.find('=');
      CHECK(counted == std::ssize(text) - std::ssize(text.substr(0, equals + 1)));
      for (size_t i = 0; i < equals; ++i, ++all)
        letters += text[i] >= 'a' && text[i] <= 'z';
      hasNegative |= text[0] == '-';
      hasLong |= std::ssize(text) > 40;
    }
  }
  CHECK(hasNegative);
  CHECK(hasLong);
  CHECK(letters / all == doctest::Approx(0.6).epsilon(0.05)); // 1.5 of 2.5, at the begin none
}

TEST_CASE("XML is nested well") {
  auto task = makeTask("xml:steps=400");
  TaskBatch batch = task->trainingBatch(7, 0);
  int closed = 0;
  for (int64_t n = 0; n < batch.sequences; ++n)
    closed += parseXml(textOf(batch, n, kXmlAlphabet));
  CHECK(closed > 20 * batch.sequences / 2);
}

TEST_CASE("targets of adding, copy and memorization follow from their inputs") {
  auto task = makeTask("adding:steps=21");
  TaskBatch batch = task->batch(TaskPart::Test, 1);
  for (int64_t n = 0; n < batch.sequences; ++n) {
    double sum = 0;
    std::vector<int64_t> marks;
    for (int64_t step = 0; step < 21; ++step) {
      const float *row = &batch.inputs[(step * batch.sequences + n) * 2];
      CHECK((row[0] >= 0 && row[0] < 1));
      sum += row[0] * row[1];
      if (row[1] == 1)
        marks.push_back(step);
      CHECK(batch.counts[step * batch.sequences + n] == (step == 20));
    }
    CHECK(batch.targets[20 * batch.sequences + n] == doctest::Approx(sum));
    REQUIRE(marks.size() == 2);
    CHECK(marks[0] < 10);
    CHECK(marks[1] >= 10);
  }
  batch = makeTask("copy:steps=7")->trainingBatch(3, 5);
  CHECK(batch.steps == 27);
  for (int64_t n = 0; n < batch.sequences; ++n)
    for (int64_t step = 0; step < 27; ++step) {
      int32_t input = batch.inputSymbols[step * batch.sequences + n];
      int32_t target = batch.targetSymbols[step * batch.sequences + n];
      CHECK(input == (step < 10 ? input % 8 : step == 16 ? 9 : 8));
      int32_t copied = step < 17 ? 8 : batch.inputSymbols[(step - 17) * batch.sequences + n];
      CHECK(target == copied);
    }
  batch = makeTask("memorization:letters=3,delay=4")->trainingBatch(3, 5);
  CHECK(batch.steps == 10);
  for (int64_t n = 0; n < batch.sequences; ++n)
    for (int64_t i = 0; i < 3; ++i) {
      int64_t row = (7 + i) * batch.sequences + n;
      CHECK(batch.targetSymbols[row] == batch.inputSymbols[i * batch.sequences + n]);
      CHECK(batch.inputSymbols[row] == 27);
      CHECK(batch.counts[row] == 1);
      CHECK(batch.counts[i * batch.sequences + n] == 0);
    }
}

TEST_CASE("states of characters are carried, and the next character is the target") {
  auto task = makeTask("characters:steps=10,batch=4,path=" + kShakespeare);
  TaskBatch first = task->trainingBatch(1, 0), second = task->trainingBatch(1, 1);
  CHECK_FALSE(first.isContinued);
  CHECK(second.isContinued);
  for (int64_t n = 0; n < 4; ++n) {
    CHECK(first.targetSymbols[n] == first.inputSymbols[4 + n]);
    CHECK(first.targetSymbols[9 * 4 + n] == second.inputSymbols[n]);
  }
  CHECK(task->form().targetSize == 65);
}

TEST_CASE("music is all there, and the next step is the target") {
  auto task = makeTask("music:batch=300,path=" + kChorales);
  TaskBatch all = task->trainingBatch(1, 0);
  CHECK(all.sequences == 229);
  CHECK(countedSteps(all) == 13807 - 229);
  double steps[2] = {}, notes = 0;
  for (TaskPart part : {TaskPart::Validation, TaskPart::Test})
    for (int64_t i = 0; i < task->batchCount(part); ++i)
      steps[part == TaskPart::Test] += countedSteps(task->batch(part, i));
  CHECK(steps[0] == 4602 - 76);
  CHECK(steps[1] == 4725 - 77);
  for (int64_t n = 0; n < all.sequences; ++n)
    for (int64_t key = 0; key < 88; ++key) {
      notes += all.inputs[n * 88 + key];
      CHECK(all.targets[n * 88 + key] == all.inputs[(all.sequences + n) * 88 + key]);
    }
  CHECK(notes / 229 == doctest::Approx(4).epsilon(0.1)); // four parts
}

TEST_CASE("chance is what a constant prediction scores") {
  // In the limit; the margins are five standard deviations of the examples drawn.
  auto chance = [](const std::string &task) {
    return makeTask(task)->chance(TaskPart::Validation);
  };
  CHECK(chance("adding") == doctest::Approx(1.0 / 6).epsilon(0.08));
  CHECK(chance("copy:steps=100") == doctest::Approx(10 * std::log(8) / 120));
  double memorization = chance("memorization"); // the most frequent of 26 letters
  CHECK(memorization > 1.0 / 26);
  CHECK(memorization < 1.2 / 26);
  CHECK(chance("xml") == doctest::Approx(2.0 / 17).epsilon(0.03)); // `<`, or `>`, of 8.5 a tag
  CHECK(chance("arithmetic") > 0.1);
  CHECK(chance("arithmetic") < 0.2);
  double music = chance("music:path=" + kChorales);
  CHECK(music > 10);
  CHECK(music < 13);
  double characters = chance("characters:path=" + kShakespeare);
  CHECK(characters > 3.2); // the entropy of single characters
  CHECK(characters < 3.4);
}

TEST_CASE("a predictor that says one thing always scores the chance of its task") {
  // Once more, example by example: what `constantScore` adds up in other ways.
  auto task = makeTask("adding");
  double error = 0, count = 0;
  for (int64_t i = 0; i < task->batchCount(TaskPart::Test); ++i) {
    TaskBatch batch = task->batch(TaskPart::Test, i);
    for (size_t row = 0; row < batch.counts.size(); ++row)
      if (batch.counts[row]) {
        error += std::pow(batch.targets[row] - 1, 2); // the best in the limit is to say 1
        ++count;
      }
  }
  CHECK(task->chance(TaskPart::Test) <= error / count);
  CHECK(task->chance(TaskPart::Test) == doctest::Approx(error / count).epsilon(0.01));
  // Copy: blanks until the marker was read, then an eighth for each letter.
  task = makeTask("copy:steps=30");
  TaskBatch batch = task->batch(TaskPart::Test, 0);
  double loss = 0;
  for (int64_t step = 0; step < batch.steps; ++step)
    for (int64_t n = 0; n < batch.sequences; ++n) {
      bool isAfter = step >= 40;
      CHECK((batch.targetSymbols[step * batch.sequences + n] == 8) == !isAfter);
      loss += isAfter ? std::log(8) : 0;
    }
  CHECK(loss / countedSteps(batch) == doctest::Approx(task->chance(TaskPart::Test)));
}

TEST_CASE("an epoch of stored sequences has each of them once") {
  auto task = makeTask("music:batch=50,path=" + kChorales);
  double steps = 0;
  std::multiset<int64_t> lengths[2];
  for (int64_t epoch = 0; epoch < 2; ++epoch)
    for (int64_t i = 0; i < 5; ++i) {
      TaskBatch batch = task->trainingBatch(1, epoch * 5 + i);
      CHECK(batch.sequences == (i < 4 ? 50 : 29));
      steps += countedSteps(batch);
      lengths[epoch].insert(batch.lengths.begin(), batch.lengths.end());
    }
  CHECK(steps == 2 * (13807 - 229));
  CHECK(lengths[0] == lengths[1]);
}

TEST_CASE("descriptions are read strictly") {
  auto problem = [](const char *text) { return errorOf([&] { makeTask(text); }); };
  CHECK(problem("addin") ==
        "unknown task `addin`; there are memorization, arithmetic, xml, adding, "
        "copy, characters, music, file");
  CHECK(problem("adding:step=3") ==
        "the task `adding` has no option `step=3`; it can be told steps=50, batch=32");
  CHECK(problem("adding:steps") ==
        "the task `adding` has no option `steps`; it can be told steps=50, batch=32");
  CHECK(problem("adding:steps=1") ==
        "the task `adding`: steps: expected a whole number from 2 to 100000, got `1`");
  CHECK(problem("adding:steps=2x") ==
        "the task `adding`: steps: expected a whole number from 2 to 100000, got `2x`");
  CHECK(problem("adding:path=a") ==
        "the task `adding` has no option `path=a`; it can be told steps=50, batch=32");
  CHECK(problem("adding:steps=6,steps=7") == "the task `adding` is told `steps` twice");
  for (const char *text : {"adding:", "adding:steps=6,", "adding:,steps=6"})
    CHECK(problem(text) == "the task `adding`: expected an option NAME=VALUE behind each colon and "
                           "comma, found none; it can be told steps=50, batch=32");
  CHECK(problem("file") == "the task `file` reads a text, or a .safetensors file with `inputs` and "
                           "`targets`; say which: `file:path=FILE`");
  CHECK(problem("music:path=/nowhere/there") ==
        "cannot read `/nowhere/there`: No such file or directory");
  CHECK(problem("file:path=none.txt,steps=5") ==
        "the task `file`: there is no file `none.txt,steps=5`; other options stand before `path=`, "
        "which takes all that follows");
}

TEST_CASE("a description with an absolute path is the same task in every folder") {
  std::string here = std::filesystem::current_path().string();
  CHECK(withAbsolutePath("adding:steps=6") == "adding:steps=6");
  CHECK(withAbsolutePath("music") == "music:path=" + here + "/data/jsb_chorales.txt");
  CHECK(withAbsolutePath("file:steps=5,path=a/../b.txt") == "file:steps=5,path=" + here + "/b.txt");
  CHECK(withAbsolutePath("file:path=/a/./b,c.txt") == "file:path=/a/b,c.txt");
  std::string twice = withAbsolutePath("characters:batch=2,steps=5,path=x");
  CHECK(twice == "characters:steps=5,batch=2,path=" + here + "/x");
  CHECK(withAbsolutePath(twice) == twice);
}

//===-- Files ---------------------------------------------------------------------------------===//

TEST_CASE("what is wrong with a file of pieces is said with its line") {
  TemporaryFolder folder;
  std::string path = folder / "pieces.txt";
  auto problem = [&](const std::string &text) {
    writeFile(path, text);
    std::string found = errorOf([&] { makeTask("music:path=" + path); });
    std::string place = "`" + path + "`";
    REQUIRE(found.starts_with(place));
    return found.substr(place.size() + 2);
  };
  CHECK(problem("!! !\n") == "line 1: expected `train`, `valid` or `test` before the first piece");
  CHECK(
      problem("# a comment\n\ntrain\n! a\\ y\n") ==
      "line 4: `y` is no step: its characters are keys, `!` the lowest, `x` the highest, or it is "
      "`~`");
  CHECK(problem("train\n!\n") == "line 2: a piece has two steps at least");
  CHECK(problem("train\n! ~ x\nvalid\n! !\n") ==
        "1 sequences train, 1 validate, 0 test; expected one of each at least");
  writeFile(path, "train\n!x ~ x\nvalid\n! !\ntest\n# #\n");
  auto task = makeTask("music:path=" + path);
  TaskBatch batch = task->trainingBatch(1, 0);
  CHECK(batch.inputs[0] == 1);
  CHECK(batch.inputs[87] == 1);
  CHECK(std::count(batch.inputs.begin(), batch.inputs.end(), 1) == 2);
  CHECK(batch.targets[88 + 87] == 1);
  CHECK(task->batch(TaskPart::Test, 0).inputs[2] == 1); // `#` is a key there
}

TEST_CASE("tensors of the user's own are a task") {
  TemporaryFolder folder;
  std::string path = folder / "own.safetensors";
  // Two steps of three sequences; the second of them has one step.
  TensorFile file;
  file.tensors = {makeTensor("inputs", {2, 3, 1}, std::vector<float>{1, 2, 3, 4, 5, 6}),
                  makeTensor("targets", {2, 3}, std::vector<int32_t>{0, 1, 2, 3, 0, 1}),
                  makeTensor("lengths", {3}, std::vector<int64_t>{2, 1, 2}),
                  makeTensor("part", {3}, std::vector<int64_t>{2, 0, 1}),
                  makeTensor("counts", {2, 3}, std::vector<int32_t>{0, 1, 1, 1, 1, 0})};
  writeTensors(path, file);
  auto task = makeTask("file:path=" + path);
  CHECK(task->form().inputKind == StepKind::Reals);
  CHECK(task->form().inputSize == 1);
  CHECK(task->form().targetSize == 4);
  CHECK(task->form().metric == Metric::Accuracy);
  TaskBatch training = task->trainingBatch(1, 0), test = task->batch(TaskPart::Test, 0);
  CHECK(training.inputs == std::vector<float>{2});
  CHECK(training.targetSymbols == std::vector<int32_t>{1});
  CHECK(test.inputs == std::vector<float>{1, 4});
  CHECK(test.targetSymbols == std::vector<int32_t>{0, 3});
  CHECK(test.counts == std::vector<uint8_t>{0, 1});
  CHECK(task->batch(TaskPart::Validation, 0).counts == std::vector<uint8_t>{1, 0});

  // Booleans are bits: the row of a step, as many as there are columns.
  Tensor bits = {"targets", TensorType::Bool, {2, 3, 2}, {}};
  for (int bit : {1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1})
    bits.data.push_back(static_cast<std::byte>(bit));
  Tensor read = {"inputs", TensorType::Bool, {2, 3, 2}, bits.data};
  file.tensors[0] = read;
  file.tensors[1] = bits;
  writeTensors(path, file);
  task = makeTask("file:path=" + path);
  CHECK(task->form().inputKind == StepKind::Bits);
  CHECK(task->form().inputSize == 2);
  CHECK(task->form().targetKind == StepKind::Bits);
  CHECK(task->form().targetSize == 2);
  CHECK(task->form().metric == Metric::Nats);
  CHECK(task->batch(TaskPart::Test, 0).targets == std::vector<float>{1, 0, 0, 0});
  CHECK(task->batch(TaskPart::Test, 0).inputs == std::vector<float>{1, 0, 0, 0});
  CHECK(task->chance(TaskPart::Validation) == 0); // one row counts
  // Those of a sequence's end.
  bits.shape = {3, 4};
  file.tensors[1] = bits;
  file.tensors.pop_back(); // `counts`
  writeTensors(path, file);
  task = makeTask("file:path=" + path);
  CHECK(task->form().targetKind == StepKind::Bits);
  CHECK(task->form().targetSize == 4);
  CHECK(task->trainingBatch(1, 0).targets == std::vector<float>{1, 1, 0, 0});

  // One target for each of ten sequences of symbols, at its end.
  file.tensors = {makeTensor("inputs", {2, 10}, std::vector<int32_t>(20, 6)),
                  makeTensor("targets", {10, 2}, std::vector<float>(20, 0.5f))};
  writeTensors(path, file);
  task = makeTask("file:path=" + path);
  CHECK(task->form().inputSize == 7);
  CHECK(task->form().metric == Metric::SquaredError);
  CHECK(task->trainingBatch(1, 0).sequences == 8);
  CHECK(task->batch(TaskPart::Test, 0).counts == std::vector<uint8_t>{0, 1});
  CHECK(task->batch(TaskPart::Test, 0).targets == std::vector<float>{0.5, 0.5, 0.5, 0.5});
}

TEST_CASE("what is wrong with tensors of a task is said") {
  TemporaryFolder folder;
  std::string path = folder / "own.safetensors";
  auto problem = [&](std::vector<Tensor> tensors) {
    writeTensors(path, {std::move(tensors), {}});
    std::string found = errorOf([&] { makeTask("file:path=" + path); });
    std::string place = "`" + path + "`";
    REQUIRE(found.starts_with(place));
    return found.substr(place.size() + (found[place.size()] == ':' ? 2 : 1));
  };
  Tensor in = makeTensor("inputs", {1, 2}, std::vector<int32_t>{0, 1});
  Tensor out = makeTensor("targets", {1, 2}, std::vector<int32_t>{0, 1});
  CHECK(problem({in, out, makeTensor("lenghts", {2}, std::vector<int32_t>{1, 1})}) ==
        "has a tensor `lenghts`, which a task does not know; expected inputs, targets, lengths, "
        "counts, part");
  CHECK(problem({in}) == "has no tensor `targets`; a task needs `inputs` and `targets`");
  CHECK(problem({makeTensor("inputs", {2}, std::vector<int32_t>{0, 1}), out}) ==
        "`inputs` has shape [2], expected [T, N] of integers, which are symbols, or [T, N, d] of "
        "numbers or booleans");
  CHECK(problem({makeTensor("inputs", {1, 2}, std::vector<int32_t>{0, -1}), out}) ==
        "`inputs` has a symbol -1, expected 0 to 999999");
  CHECK(problem({in, makeTensor("targets", {2, 2}, std::vector<int32_t>{0, 1, 0, 1})}) ==
        "`targets` has shape [2, 2], expected [1, 2], for each step, or [2], for each sequence's "
        "end");
  Tensor bits = {"targets", TensorType::Bool, {1, 2}, {std::byte{0}, std::byte{1}}};
  CHECK(problem({in, bits}) ==
        "`targets` has shape [1, 2], expected [1, 2, d], for each step, or [2, d], for each "
        "sequence's end; d is 1 for one number or bit");
  bits = {"targets", TensorType::Bool, {1, 2, 1}, {std::byte{0}, std::byte{2}}};
  CHECK(problem({in, bits}) == "`targets` has a boolean that is 2, expected 0 or 1");
  CHECK(problem({in, makeTensor("targets", {1, 2, 1}, std::vector<float>{NAN, 1})}) ==
        "`targets` has a number that is nan");
  CHECK(problem({in, out, makeTensor("lengths", {2}, std::vector<int32_t>{1, 2})}) ==
        "`lengths` has 2, expected 1 to 1");
  CHECK(problem({in, out, makeTensor("part", {2}, std::vector<int32_t>{1, 3})}) ==
        "`part` has 3, expected 0 (trains), 1 (validates) or 2 (tests)");
  CHECK(problem({in, out}) ==
        "2 sequences train, 0 validate, 0 test; expected one of each at least");
  CHECK(problem({in, out, makeTensor("counts", {1, 2}, std::vector<float>{1, NAN})}) ==
        "`counts` has a number that is nan, expected 0 or another number");
  // Step 1 is beyond the end of sequence 0.
  CHECK(problem({makeTensor("inputs", {2, 2}, std::vector<int32_t>{0, 1, 0, 1}),
                 makeTensor("targets", {2, 2}, std::vector<int32_t>{0, 1, 0, 1}),
                 makeTensor("lengths", {2}, std::vector<int32_t>{1, 2}),
                 makeTensor("counts", {2, 2}, std::vector<int32_t>{0, 0, 1, 1})}) ==
        "`counts` has 0 for all steps of sequence 0; leave that sequence out");
  CHECK(problem({in, makeTensor("targets", {2}, std::vector<int32_t>{0, 1}),
                 makeTensor("counts", {1, 2}, std::vector<int32_t>{1, 1})}) ==
        "`counts` has no meaning where a sequence has one target, at its end");
}

TEST_CASE("a text of the user's own is a task") {
  TemporaryFolder folder;
  std::string path = folder / "own.txt";
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "abc"[i % 3];
  writeFile(path, text);
  auto task = makeTask("file:batch=2,steps=5,path=" + path);
  CHECK(task->form().targetSize == 3);
  CHECK(task->chance(TaskPart::Test) == doctest::Approx(std::log(3)).epsilon(0.01));
  auto problem = [&](const std::string &wrong) {
    writeFile(path, wrong);
    return errorOf([&] { makeTask("file:path=" + path); });
  };
  CHECK(problem("abc") ==
        "`" + path +
            "`: expected 40960 characters at least, 20 updates of 32 sequences of 64 "
            "steps that train, validate and test, found 3; use a smaller `batch` or "
            "`steps`");
  CHECK(problem("a\xff") == "`" + path +
                                "`: byte 0xff at offset 1 is not valid UTF-8; a task's "
                                "text is characters; save it as UTF-8");
}
