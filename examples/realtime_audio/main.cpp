// A guitar through an amplifier that a cell has learnt, a sample at a time, as an audio thread does
// it: amp.cell with the weights of amp.safetensors, compiled into this program. Without a file to
// read it plays some strings itself and compares with the circuit.
#include "amp.h"
#include "circuit.h"
#include "wav.h"

#include <chrono>
#include <cstdio>

namespace {

/// What the audio thread does: no allocation, no lock, no system call.
void process(amp &cell, const std::vector<float> &in, std::vector<float> &out) {
  for (size_t i = 0; i < in.size(); ++i)
    amp_step(&cell, &in[i], &out[i]);
}

int run(const char *inPath, const char *outPath) {
  Wav wav;
  if (inPath)
    wav = readWav(inPath);
  else
    wav.samples = playGuitar(1, 5);
  if (wav.samplesPerSecond != kSamplesPerSecond)
    std::printf(
        "the amplifier was recorded at %.0f samples per second, this file has %u: it will sound "
        "otherwise\n",
        kSamplesPerSecond, wav.samplesPerSecond);

  static amp cell;
  amp_init(&cell);
  std::vector<float> out(wav.samples.size());
  auto begin = std::chrono::steady_clock::now();
  process(cell, wav.samples, out);
  std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  double seconds = static_cast<double>(out.size()) / wav.samplesPerSecond;
  std::printf("%zu samples, %.1f s: %.3f us per sample, %.0f times real time\n", out.size(),
              seconds, taken.count() / static_cast<double>(out.size()) * 1e6,
              seconds / taken.count());
  if (!inPath) {
    DiodeClipper circuit;
    std::vector<double> wanted;
    for (float x : wav.samples)
      wanted.push_back(circuit.step(x));
    std::printf("error to signal, against the circuit: %.5f\n", errorToSignal(out, wanted));
  }
  if (outPath)
    writeWav(outPath, {wav.samplesPerSecond, out});
  return 0;
}

} // namespace

int main(int argc, char **argv) try {
  if (argc > 3) {
    std::fprintf(stderr, "usage: %s [[IN.wav] OUT.wav]\n", argv[0]);
    return 2;
  }
  return run(argc > 2 ? argv[1] : nullptr, argc > 1 ? argv[argc - 1] : nullptr);
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
