// See optimizers.h. The functions are plain loops that the compiler vectorizes. Loops of float
// operations that IEEE 754 rounds exactly, without contraction: the bits depend neither on the
// vector width nor on the number of threads.
#include "training/optimizers.h"

#include "runtime/error.h"
#include "training/named_rows.h"
#include "training/vectorized.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

//===-- The formulas --------------------------------------------------------------------------===//
// g gradient, p parameter, l learning rate, t number of the update from 1.

namespace {

/// What most formulas take from the settings: computed in double, then rounded.
struct Scalars {
  float rate;
  float keep, take; // weights of a running mean's old value and of the new one
  float epsilon;
  float decay; // of weights
};

} // namespace

static Scalars scalarsOf(const UpdateRange &range) {
  const OptimizerSettings &settings = *range.settings;
  return {static_cast<float>(range.learningRate), static_cast<float>(settings.decayRate),
          static_cast<float>(1 - settings.decayRate), static_cast<float>(settings.epsilon),
          static_cast<float>(settings.weightDecay)};
}

/// Polyak 1964, "Some methods of speeding up the convergence of iteration methods", in the form of
/// Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", with
/// the learning rate outside the velocity (as torch.optim.SGD): v = m v + g; p -= l v, or with
/// Nesterov p -= l (g + m v).
CELLWRIGHT_VECTORIZED static void updateSgd(const UpdateRange &range) {
  float *__restrict p = range.params;
  const float *__restrict gradients = range.gradients;
  float *__restrict v = range.slots[0];
  const float rate = static_cast<float>(range.learningRate);
  const float momentum = static_cast<float>(range.settings->momentum);
  const float decay = static_cast<float>(range.settings->weightDecay);
  // The step is a sum of the gradient and the new velocity.
  const float ofGradient = range.settings->isNesterov ? 1.0f : 0.0f;
  const float ofVelocity = range.settings->isNesterov ? momentum : 1.0f;
  for (int64_t i = 0; i < range.count; ++i) {
    float g = gradients[i] + decay * p[i];
    v[i] = momentum * v[i] + g;
    p[i] -= rate * (ofGradient * g + ofVelocity * v[i]);
  }
}

/// Tieleman & Hinton 2012, lecture 6.5 of "Neural Networks for Machine Learning", as Torch's
/// optim.rmsprop, which char-rnn uses: s = a s + (1 - a) g^2; p -= l g / (sqrt(s) + e).
CELLWRIGHT_VECTORIZED static void updateRmsprop(const UpdateRange &range) {
  float *__restrict p = range.params;
  const float *__restrict gradients = range.gradients;
  float *__restrict s = range.slots[0];
  const auto [rate, keep, take, epsilon, decay] = scalarsOf(range);
  for (int64_t i = 0; i < range.count; ++i) {
    float g = gradients[i] + decay * p[i];
    s[i] = keep * s[i] + take * (g * g);
    p[i] -= rate * (g / (std::sqrt(s[i]) + epsilon));
  }
}

/// Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic
/// optimization", the diagonal form: s += g^2; p -= l g / (sqrt(s) + e).
CELLWRIGHT_VECTORIZED static void updateAdagrad(const UpdateRange &range) {
  float *__restrict p = range.params;
  const float *__restrict gradients = range.gradients;
  float *__restrict s = range.slots[0];
  const auto [rate, keep, take, epsilon, decay] = scalarsOf(range);
  for (int64_t i = 0; i < range.count; ++i) {
    float g = gradients[i] + decay * p[i];
    s[i] += g * g;
    p[i] -= rate * (g / (std::sqrt(s[i]) + epsilon));
  }
}

/// Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1, times a learning rate,
/// which is 1 there: s = r s + (1 - r) g^2; d = g sqrt(u + e) / sqrt(s + e); u = r u + (1 - r) d^2;
/// p -= l d.
CELLWRIGHT_VECTORIZED static void updateAdadelta(const UpdateRange &range) {
  float *__restrict p = range.params;
  const float *__restrict gradients = range.gradients;
  float *__restrict s = range.slots[0];
  float *__restrict u = range.slots[1];
  const auto [rate, keep, take, epsilon, decay] = scalarsOf(range);
  for (int64_t i = 0; i < range.count; ++i) {
    float g = gradients[i] + decay * p[i];
    s[i] = keep * s[i] + take * (g * g);
    float d = g * (std::sqrt(u[i] + epsilon) / std::sqrt(s[i] + epsilon));
    u[i] = keep * u[i] + take * (d * d);
    p[i] -= rate * d;
  }
}

/// Adam's and AdamW's update: they differ in where the weight decay goes. `ofGradient` adds it to
/// the gradient, `ofParam` takes it from the parameter.
CELLWRIGHT_VECTORIZED static void updateMoments(const UpdateRange &range, float ofGradient,
                                                float ofParam) {
  float *__restrict p = range.params;
  const float *__restrict gradients = range.gradients;
  float *__restrict m = range.slots[0];
  float *__restrict v = range.slots[1];
  const OptimizerSettings &settings = *range.settings;
  const double step = static_cast<double>(range.step);
  // In double, then rounded, as `Scalars`.
  const float keepMean = static_cast<float>(settings.beta1);
  const float takeMean = static_cast<float>(1 - settings.beta1);
  const float keepSquare = static_cast<float>(settings.beta2);
  const float takeSquare = static_cast<float>(1 - settings.beta2);
  // The running means start at 0: divided by the sum of their weights.
  const float rate = static_cast<float>(range.learningRate / (1 - std::pow(settings.beta1, step)));
  const float scale = static_cast<float>(1 / std::sqrt(1 - std::pow(settings.beta2, step)));
  const float epsilon = static_cast<float>(settings.epsilon);
  const float keepParam = 1 - ofParam;
  for (int64_t i = 0; i < range.count; ++i) {
    float g = gradients[i] + ofGradient * p[i];
    m[i] = keepMean * m[i] + takeMean * g;
    v[i] = keepSquare * v[i] + takeSquare * (g * g);
    p[i] = keepParam * p[i] - rate * (m[i] / (std::sqrt(v[i]) * scale + epsilon));
  }
}

/// Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1: m = b1 m + (1 - b1)
/// g; v = b2 v + (1 - b2) g^2; p -= l (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + e).
static void updateAdam(const UpdateRange &range) {
  updateMoments(range, static_cast<float>(range.settings->weightDecay), 0.0f);
}

/// Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2, the decay times
/// the learning rate as in torch.optim.AdamW: p -= l w p, then Adam's update.
static void updateAdamw(const UpdateRange &range) {
  updateMoments(range, 0.0f, static_cast<float>(range.learningRate * range.settings->weightDecay));
}

//===-- The table -----------------------------------------------------------------------------===//

static constexpr std::array<OptimizerInfo, 6> kOptimizers = {{
    {"sgd",
     "v = momentum v + g; p -= rate v, or with Nesterov p -= rate (g + momentum v)",
     "Polyak 1964; Sutskever et al. 2013",
     {"velocity"},
     {},
     0.5,
     updateSgd},
    {"rmsprop",
     "s = decay s + (1 - decay) g^2; p -= rate g / (sqrt(s) + epsilon)",
     "Tieleman & Hinton 2012, lecture 6.5",
     {"square"},
     {.decayRate = 0.95, .epsilon = 1e-8},
     2e-3,
     updateRmsprop},
    {"adagrad",
     "s += g^2; p -= rate g / (sqrt(s) + epsilon)",
     "Duchi et al. 2011",
     {"square"},
     {.epsilon = 1e-10},
     1e-2,
     updateAdagrad},
    {"adadelta",
     "s = decay s + (1 - decay) g^2; d = g sqrt(u + epsilon) / sqrt(s + epsilon); u = decay u + (1 "
     "- decay) d^2; p -= rate d",
     "Zeiler 2012",
     {"square", "step"},
     {.decayRate = 0.95, .epsilon = 1e-6},
     1.0,
     updateAdadelta},
    {"adam",
     "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= rate m' / (sqrt(v') + "
     "epsilon), bias-corrected",
     "Kingma & Ba 2015",
     {"mean", "square"},
     {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
     2e-3,
     updateAdam},
    {"adamw",
     "p -= rate weightDecay p, then as adam",
     "Loshchilov & Hutter 2019",
     {"mean", "square"},
     {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weightDecay = 0.01},
     2e-3,
     updateAdamw},
}};

std::span<const OptimizerInfo> optimizers() { return kOptimizers; }

const OptimizerInfo &findOptimizer(std::string_view name) {
  return findNamed(kOptimizers, name, "optimizer");
}

//===-- At work -------------------------------------------------------------------------------===//

static void checkFraction(const OptimizerInfo &info, std::string_view what, double value) {
  CELLWRIGHT_CHECK(value >= 0 && value < 1, "{}: {} is {}, expected at least 0 and below 1",
                   info.name, what, value);
}

Optimizer::Optimizer(const OptimizerInfo &info, const OptimizerSettings &settings, int64_t count)
    : row(&info), settings(settings) {
  checkFraction(info, "momentum", settings.momentum);
  checkFraction(info, "the decay rate", settings.decayRate);
  checkFraction(info, "beta1", settings.beta1);
  checkFraction(info, "beta2", settings.beta2);
  CELLWRIGHT_CHECK(settings.epsilon >= 0 && std::isfinite(settings.epsilon),
                   "{}: epsilon is {}, expected at least 0", info.name, settings.epsilon);
  CELLWRIGHT_CHECK(settings.weightDecay >= 0 && std::isfinite(settings.weightDecay),
                   "{}: the weight decay is {}, expected at least 0", info.name,
                   settings.weightDecay);
  for (int i = 0; i < info.slotCount(); ++i)
    state[i].assign(static_cast<size_t>(count), 0.0f);
}

void Optimizer::update(std::span<float> params, std::span<const float> gradients,
                       double learningRate, ThreadPool &threads) {
  ++stepCount;
  int64_t count = static_cast<int64_t>(params.size());
  auto updatePart = [&](int64_t begin, int64_t end) {
    UpdateRange range = {params.data() + begin,
                         gradients.data() + begin,
                         {},
                         end - begin,
                         learningRate,
                         stepCount,
                         &settings};
    for (int i = 0; i < row->slotCount(); ++i)
      range.slots[i] = state[i].data() + begin;
    row->update(range);
  };
  // Below that waking the other threads takes longer than the work.
  constexpr int64_t kLeastShared = 1 << 17;
  if (count < kLeastShared)
    return updatePart(0, count);
  threads.run([&](int thread) {
    auto [begin, end] = partition(count, threads.size(), thread);
    updatePart(begin, end);
  });
}

} // namespace cellwright
