# Writes a header with a digest of files: what a cached kernel was compiled by.
# Use: cmake -D OUTPUT=header -D "FILES=a|b|c" -P digest.cmake
string(REPLACE "|" ";" files "${FILES}")
list(SORT files)
set(digests "")
foreach(file IN LISTS files)
  file(SHA256 ${file} digest)
  string(APPEND digests ${digest})
endforeach()
string(SHA256 digest "${digests}")
string(SUBSTRING ${digest} 0 32 digest)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
"// Made by cmake/digest.cmake from the sources of code generation and the front end.
#pragma once

inline constexpr char kBuildDigest[] = \"${digest}\";
")
