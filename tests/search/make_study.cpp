// A program for tests of commands: `make_study KIND PATH` makes a study.
#include "tests/search/studies.h"

#include <iostream>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "expected `KIND PATH`\n";
    return 2;
  }
  try {
    cellwright::makeStudy(argv[1], argv[2]);
    return 0;
  } catch (const cellwright::Error &error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
