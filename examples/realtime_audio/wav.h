// Wav files of one channel and 16 bits, as every recorder writes them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

struct Wav {
  uint32_t samplesPerSecond = 44'100;
  std::vector<float> samples; // -1 to 1
};

namespace wav_detail {

template <class T> T read(const std::string &bytes, size_t at) {
  T value;
  if (at + sizeof value > bytes.size())
    throw std::runtime_error("the file ends within a chunk");
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T> void append(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

} // namespace wav_detail

/// Reads the chunks `fmt ` and `data` and passes by others. Throws std::runtime_error.
inline Wav readWav(const std::string &path) {
  using wav_detail::read;
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error(path + ": cannot be opened");
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (bytes.size() < 12 || bytes.compare(0, 4, "RIFF") != 0 || bytes.compare(8, 4, "WAVE") != 0)
    throw std::runtime_error(path + ": expected a wav file");
  Wav wav;
  bool isKnown = false;
  for (size_t at = 12; at + 8 <= bytes.size();) {
    std::string id = bytes.substr(at, 4);
    size_t size = read<uint32_t>(bytes, at + 4), begin = at + 8;
    if (id == "fmt ") {
      isKnown = read<uint16_t>(bytes, begin) == 1 && read<uint16_t>(bytes, begin + 2) == 1 &&
                read<uint16_t>(bytes, begin + 14) == 16;
      wav.samplesPerSecond = read<uint32_t>(bytes, begin + 4);
    } else if (id == "data") {
      for (size_t i = 0; i + 2 <= size; i += 2)
        wav.samples.push_back(read<int16_t>(bytes, begin + i) / 32768.0f);
    }
    at = begin + size + size % 2;
  }
  if (!isKnown || wav.samples.empty())
    throw std::runtime_error(path +
                             ": expected one channel of 16 bits, not compressed; convert it");
  return wav;
}

inline void writeWav(const std::string &path, const Wav &wav) {
  using wav_detail::append;
  auto dataBytes = static_cast<uint32_t>(2 * wav.samples.size());
  std::string bytes = "RIFF";
  append<uint32_t>(bytes, 36 + dataBytes);
  bytes += "WAVEfmt ";
  append<uint32_t>(bytes, 16);
  append<uint16_t>(bytes, 1);
  append<uint16_t>(bytes, 1);
  append<uint32_t>(bytes, wav.samplesPerSecond);
  append<uint32_t>(bytes, 2 * wav.samplesPerSecond);
  append<uint16_t>(bytes, 2);
  append<uint16_t>(bytes, 16);
  bytes += "data";
  append<uint32_t>(bytes, dataBytes);
  for (float sample : wav.samples)
    append(bytes, static_cast<int16_t>(std::lrint(std::fmax(-1, std::fmin(1, sample)) * 32767)));
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush())
    throw std::runtime_error(path + ": cannot be written");
}
