// A string that works at compile time in every supported compiler: clang with libstdc++ 12 has a
// constexpr std::vector but no constexpr std::string. Numbers are written in the shortest form that
// reads back as the same double; at compile time, with up to 15 digits.
#pragma once

#include <bit>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cellwright {

/// g++ 12 destroys a Text twice that a conditional operator makes at compile time: write `if`.
class Text {
public:
  constexpr Text() = default;
  constexpr Text(std::string_view text) : characters(text.begin(), text.end()) {}
  constexpr Text(const char *text) : Text(std::string_view(text)) {}

  constexpr operator std::string_view() const { return view(); }
  constexpr std::string_view view() const { return {characters.data(), characters.size()}; }
  constexpr size_t size() const { return characters.size(); }
  constexpr bool empty() const { return characters.empty(); }
  constexpr void clear() { characters.clear(); }

  constexpr Text &operator+=(std::string_view text) {
    characters.insert(characters.end(), text.begin(), text.end());
    return *this;
  }
  constexpr Text &operator+=(char character) {
    characters.push_back(character);
    return *this;
  }
  constexpr bool operator==(const Text &other) const { return view() == other.view(); }
  constexpr bool operator==(std::string_view other) const { return view() == other; }
  constexpr bool operator==(const char *other) const { return view() == other; }
  constexpr bool operator<(const Text &other) const { return view() < other.view(); }

private:
  std::vector<char> characters;
};

namespace detail {

constexpr void appendInteger(Text &text, int64_t number) {
  char digits[20] = {};
  int count = 0;
  uint64_t rest = number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
  do {
    digits[count++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (number < 0)
    text += '-';
  while (count > 0)
    text += digits[--count];
}

/// Writes up to 15 significant digits; for messages at compile time only.
constexpr void appendDoubleAtCompileTime(Text &text, double number) {
  if (number < 0)
    text += '-';
  double rest = number < 0 ? -number : number;
  int exponent = 0;
  for (; rest >= 10; ++exponent)
    rest /= 10;
  for (; rest < 1; --exponent)
    rest *= 10;
  auto digits = static_cast<int64_t>(rest * 1e14 + 0.5);
  int places = 14 - exponent;
  for (; digits % 10 == 0 && places > 0; --places)
    digits /= 10;
  if (places < 0 || places > 18) {
    for (; digits % 10 == 0; --places)
      digits /= 10;
    appendInteger(text, digits);
    text += 'e';
    return appendInteger(text, -places);
  }
  int64_t unit = 1;
  for (int i = 0; i < places; ++i)
    unit *= 10;
  appendInteger(text, digits / unit);
  if (places == 0)
    return;
  text += '.';
  for (int64_t fraction = digits % unit; unit > 1; fraction %= unit) {
    unit /= 10;
    text += static_cast<char>('0' + fraction / unit);
  }
}

} // namespace detail

/// Appends a number as the language writes it: `3`, `0.5`, `1e-05`; integers without a fraction.
constexpr void appendNumber(Text &text, double number) {
  if (number != number) {
    text += "nan";
    return;
  }
  if (number - number != 0) {
    text += number < 0 ? "-inf" : "inf";
    return;
  }
  if (number > -1e15 && number < 1e15 &&
      static_cast<double>(static_cast<int64_t>(number)) == number) {
    if (number == 0 && std::bit_cast<int64_t>(number) != 0)
      text += '-';
    return detail::appendInteger(text, static_cast<int64_t>(number));
  }
  if (std::is_constant_evaluated())
    return detail::appendDoubleAtCompileTime(text, number);
  char digits[32] = {};
  auto result = std::to_chars(digits, digits + sizeof digits, number);
  text += std::string_view(digits, result.ptr - digits);
}

template <class Part> constexpr void appendPart(Text &text, const Part &part) {
  if constexpr (std::same_as<Part, char>)
    text += part;
  else if constexpr (std::integral<Part>)
    detail::appendInteger(text, static_cast<int64_t>(part));
  else if constexpr (std::floating_point<Part>)
    appendNumber(text, part);
  else
    text += std::string_view(part);
}

/// Joins strings, characters and numbers to one text.
template <class... Parts> constexpr Text makeText(const Parts &...parts) {
  Text text;
  (appendPart(text, parts), ...);
  return text;
}

} // namespace cellwright
