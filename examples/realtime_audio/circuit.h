// What the cell has learnt: a resistor, a capacitor and two diodes that clip what a guitar plays,
// and the guitar.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

inline constexpr double kSamplesPerSecond = 44'100;

/// The diode clipper of Yeh et al. 2007, "Simplified, physically-informed models of distortion and
/// overdrive guitar effects pedals", DAFx, section 4: C dv/dt = (x - v) / R - 2 Is sinh(v / Vt).
class DiodeClipper {
public:
  /// One sample: an input of -1 to 1, for -4.5 to 4.5 volts, to an output of about -1 to 1.
  double step(double input) {
    constexpr double R = 2.2e3, C = 10e-9, Is = 2.52e-9, Vt = 45.3e-3; // ohm, farad, ampere, volt
    constexpr int kParts = 8; // of a sample: the diodes are fast
    constexpr double dt = 1 / (kSamplesPerSecond * kParts);
    for (int part = 1; part <= kParts; ++part) {
      double x = 4.5 * (last + (input - last) * part / kParts);
      double next = v;
      for (int turn = 0; turn < 6; ++turn) { // backward Euler, by Newton
        double error = next - v - dt / C * ((x - next) / R - 2 * Is * std::sinh(next / Vt));
        double slope = 1 + dt / C * (1 / R + 2 * Is / Vt * std::cosh(next / Vt));
        next -= error / slope;
      }
      v = next;
    }
    last = input;
    return v / 0.7;
  }

private:
  double v = 0, last = 0;
};

/// Plucked strings, one after the other: Karplus & Strong 1983, "Digital Synthesis of
/// Plucked-String and Drum Timbres". Samples of -1 to 1.
inline std::vector<float> playGuitar(uint64_t seed, double seconds) {
  std::mt19937_64 random(seed);
  auto draw = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<float> samples;
  while (static_cast<double>(samples.size()) < seconds * kSamplesPerSecond) {
    double pitch = 82.4 * std::exp2(std::floor(draw() * 30) / 12), loudness = 0.1 + 0.9 * draw();
    std::vector<double> string(static_cast<size_t>(kSamplesPerSecond / pitch));
    for (double &place : string)
      place = loudness * (2 * draw() - 1);
    auto count = static_cast<size_t>(kSamplesPerSecond * (0.1 + 0.4 * draw()));
    for (size_t i = 0; i < count; ++i) {
      double &place = string[i % string.size()];
      samples.push_back(static_cast<float>(place));
      place = 0.498 * (place + string[(i + 1) % string.size()]);
    }
  }
  samples.resize(static_cast<size_t>(seconds * kSamplesPerSecond));
  return samples;
}

/// The part of the wanted signal's energy that is wrong; the first samples, before a filter has
/// settled, do not count.
template <class A, class B> double errorToSignal(const A &found, const B &wanted) {
  double error = 0, signal = 0;
  for (size_t i = 1000; i < wanted.size(); ++i) {
    error += (found[i] - wanted[i]) * (found[i] - wanted[i]);
    signal += wanted[i] * wanted[i];
  }
  return error / signal;
}
