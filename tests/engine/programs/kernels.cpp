// Runs every kernel of every instruction set that this processor has, and compares it with plain loops; Python is not needed.
//
// So kernels for another processor run where that processor is emulated. Prints a line for each result that is wrong, and one for each
// set and dtype; exits 1 where any is wrong. With an argument it stops at the first.
#include "dispatch.hpp"
#include "plain.hpp"
#include "threads.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace unrolled;

namespace {

template <typename T> const Kernels<T>& kernels();
template <> const Kernels<float>& kernels<float>() { return kernel_table().float32; }
template <> const Kernels<double>& kernels<double>() { return kernel_table().float64; }

template <typename Body> void run_on_team(Body body) {
  run_team(thread_limit(), [](void* b, Team* team, int rank, int size) { (*static_cast<Body*>(b))(team, rank, size); }, &body, nullptr);
}

// Arrays with a guard behind the last number: what a kernel writes beyond its end is seen.
template <typename T> class Array {
 public:
  explicit Array(std::size_t count, T fill = 0) : numbers_(count + kGuard, fill) { std::fill_n(end(), kGuard, guard()); }
  explicit Array(const plain::Numbers& from) : Array(from.size()) { std::transform(from.begin(), from.end(), numbers_.begin(), [](double x) { return T(x); }); }
  T* data() { return numbers_.data(); }
  std::size_t size() const { return numbers_.size() - kGuard; }
  bool guarded() { return std::all_of(end(), end() + kGuard, [](T x) { return x == guard(); }); }

 private:
  static constexpr std::size_t kGuard = 64;
  static T guard() { return T(12345); }
  T* end() { return numbers_.data() + size(); }
  std::vector<T> numbers_;
};

std::string what;  // is run now, for messages
int wrong = 0, compared = 0;
bool stops_at_first = false;

void expect(bool right, const char* name, const std::string& otherwise) {
  ++compared;
  if (right) return;
  ++wrong;
  std::printf("%s: %s %s\n", what.c_str(), name, otherwise.c_str());
  if (stops_at_first) std::exit(1);
}

template <typename T> void compare(const char* name, Array<T>& found, const plain::Numbers& expected, double tolerance) {
  double largest = 1, off = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) largest = std::max(largest, std::fabs(expected[i]));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = std::fabs(double(found.data()[i]) - expected[i]);
    off = d <= off ? off : d;
    if (std::isnan(d)) break;  // a NaN stays
  }
  expect(found.size() == expected.size() && off <= tolerance * largest, name, "is " + std::to_string(off / largest / tolerance) + " times its tolerance off");
  expect(found.guarded(), name, "is written behind its end");
}

template <typename T> void same_bits(const char* name, Array<T>& a, Array<T>& b) {
  expect(!std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), name, "has other bits");
}

template <typename T> plain::Numbers draw(std::mt19937& random, std::size_t count, double scale = 1) {
  std::normal_distribution<double> normal(0, scale);
  plain::Numbers numbers(count);
  for (double& x : numbers) x = double(T(normal(random)));
  return numbers;
}

template <typename T> Array<T> packed(const plain::Numbers& matrix, std::int64_t units, std::int64_t depth, bool transposed) {
  const PanelShape shape{units, depth};
  Array<T> to(kernels<T>().packed_size(shape), T(777)), from(matrix);
  run_on_team([&](Team*, int rank, int size) {
    kernels<T>().pack(to.data(), shape, from.data(), transposed ? depth : 1, transposed ? 1 : units, rank, size);
  });
  return to;
}

// Recurrent layers

template <typename T> Array<T> packed_for_cell(const Cell<T>& cell, const plain::Numbers& weight, std::int64_t units, std::int64_t depth) {
  Array<T> to(cell.packed_size(units, depth), T(777)), from(weight);
  run_on_team([&](Team*, int rank, int size) { cell.pack(to.data(), units, depth, from.data(), rank, size); });
  return to;
}

struct Case {
  std::size_t T, N, I, H;
  bool padded, reverse, tokens;
};

const Case kCases[] = {
    {1, 1, 1, 1, false, false, false},   {3, 2, 5, 7, false, true, false},   {4, 3, 16, 16, false, false, true},
    {7, 13, 6, 17, true, false, false},  {2, 5, 65, 40, false, false, true}, {40, 14, 9, 33, true, true, true},
    {90, 13, 6, 20, true, true, false},  {530, 1, 3, 11, false, false, false}, {6, 3, 24, 130, true, false, false},
    {3, 4, 300, 20, false, true, false}, {2, 3, 10, 270, false, false, false}, {2, 2, 16, 48, false, true, false},
};

enum Memory { kFull, kLow, kSqrt };
const char* const kMemory[] = {"full", "low", "sqrt"};

// A layer's numbers as the kernels take them, and what they make of them.
template <typename T> struct Results {
  Array<T> y, c, h0, dx, dh0, carry, dweight_ih, dweight_hh, dbias, dbias_hn, dtable;
};

// Where the backward pass' runs of steps begin, the last first, and the most rows of one.
std::vector<std::int64_t> chunk_starts(const Batch& batch, std::int64_t& most) {
  std::vector<std::int64_t> starts;
  std::int64_t rows = 0;
  most = 0;
  for (std::int64_t s = batch.steps - 1; s >= 0; --s) {
    rows += batch.running ? batch.running[s] : batch.size;
    if (rows < 200 && s) continue;
    starts.push_back(s), most = std::max(most, rows), rows = 0;
  }
  return starts;
}

template <typename T>
Results<T> run_layer(const plain::Layer& l, CellKind kind, Memory memory, bool padded, const std::vector<std::int32_t>* tokens, const plain::Numbers& table) {
  const Cell<T>& cell = kernels<T>().cells[kind];
  const std::int64_t steps = l.T, N = l.N, I = l.I, H = l.H, G = cell.gates, slots = cell.slots;
  const bool lstm = kind == kLstm, keep_c = lstm && memory != kSqrt, keep_gates = memory == kFull && G > 1;

  std::vector<std::int32_t> order(N), running(steps);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return l.lengths[a] > l.lengths[b]; });
  for (std::int64_t s = 0; s < steps; ++s) running[s] = std::count_if(l.lengths.begin(), l.lengths.end(), [&](int length) { return length > s; });
  const Batch batch{steps, N, padded ? l.lengths.data() : nullptr, padded ? order.data() : nullptr, padded ? running.data() : nullptr, l.reverse};
  std::int64_t chunk_rows;
  const std::vector<std::int64_t> starts = chunk_starts(batch, chunk_rows);

  Array<T> x(l.x), bias(l.bias), bias_hn(l.bias_hn), c0(l.c0), token_table(table), dy(l.dy), dh_last(l.dh_last);
  Array<T> panels_ih = packed_for_cell<T>(cell, l.weight_ih, H, I), panels_hh = packed_for_cell<T>(cell, l.weight_hh, H, H);
  Array<T> back_ih = packed<T>(l.weight_ih, I, G * H, false), back_hh = packed<T>(l.weight_hh, H, G * H, false);
  const std::int64_t chunk = std::min<std::int64_t>(steps, std::max<std::int64_t>(1, 100 / N));
  Array<T> gates((keep_gates ? steps : chunk) * N * slots * H), checkpoints(starts.size() * N * H);
  Results<T> r{Array<T>(l.y.size()), Array<T>((keep_c ? steps : 1) * N * H), Array<T>(l.h0), Array<T>(l.dx.size()), Array<T>(N * H, T(777)),
               Array<T>(l.dc_last), Array<T>(G * H * I), Array<T>(G * H * H), Array<T>(G * H), Array<T>(H), Array<T>(table.size())};
  if (lstm && !keep_c) std::copy_n(c0.data(), N * H, r.c.data());
  if (!lstm) std::fill_n(r.carry.data(), N * H, T(0));

  ForwardCall<T> f{};
  f.batch = batch, f.I = I, f.H = H, f.panels_hh = panels_hh.data(), f.h0 = r.h0.data(), f.y = r.y.data(), f.y_stride = H;
  if (tokens) f.tokens = tokens->data(), f.token_table = token_table.data();
  else f.x = x.data(), f.panels_ih = panels_ih.data(), f.bias = bias.data();
  if (kind == kGruAfter) f.bias_hn = bias_hn.data();
  if (lstm) f.c0 = c0.data(), f.c = r.c.data(), f.keep_c = keep_c;
  f.gates = gates.data(), f.keep_gates = keep_gates, f.chunk = chunk, f.last = steps;
  if (lstm && memory == kSqrt) f.checkpoints = checkpoints.data(), f.chunk_starts = starts.data(), f.chunks = starts.size();
  run_on_team([&](Team* team, int rank, int size) { cell.forward(f, team, rank, size); });

  BackwardCall<T> b{};
  // few rows meet the weights as they lie, where those fill whole vectors
  const auto whole_vectors = [](std::int64_t columns) { return kernels<T>().packed_size({columns, 1}) == columns; };
  b.as_they_lie = starts.size() == 1 && chunk_rows <= kernels<T>().few_rows && whole_vectors(I) && whole_vectors(H);
  if (b.as_they_lie) back_ih = Array<T>(l.weight_ih), back_hh = Array<T>(l.weight_hh);
  b.forward = f, b.panels_hh = back_hh.data(), b.dy = dy.data(), b.dy_stride = H, b.dh_last = dh_last.data(), b.dh0 = r.dh0.data();
  if (G > 1) b.carry = r.carry.data();
  if (tokens) b.dtoken_table = r.dtable.data();
  else b.panels_ih = back_ih.data(), b.dx = r.dx.data(), b.dweight_ih = r.dweight_ih.data(), b.dbias = r.dbias.data();
  b.dweight_hh = r.dweight_hh.data(), b.dbias_hn = kind == kGruAfter ? r.dbias_hn.data() : nullptr;
  b.chunk_starts = starts.data(), b.chunks = starts.size(), b.chunk_rows = chunk_rows, b.last = b.chunks;
  Array<T> scratch(cell.backward_scratch(b, thread_limit()), std::numeric_limits<T>::quiet_NaN());
  b.scratch = scratch.data();
  run_on_team([&](Team* team, int rank, int size) { cell.backward(b, team, rank, size); });
  expect(gates.guarded() && checkpoints.guarded() && scratch.guarded(), "gates, checkpoints or scratch", "is written behind its end");
  return r;
}

// c of each sequence's own last step
template <typename T> Array<T> last_c(const plain::Layer& l, Results<T>& r) {
  if (r.c.size() == l.c_last.size() && l.T != 1) return r.c;
  Array<T> last(l.c0);
  for (std::size_t n = 0; n < l.N; ++n)
    if (l.lengths[n]) std::copy_n(r.c.data() + ((l.reverse ? 0 : l.lengths[n] - 1) * l.N + n) * l.H, l.H, last.data() + n * l.H);
  return last;
}

template <typename T> void check_layer(const Case& c, plain::Kind plain_kind, CellKind kind, const char* name) {
  std::mt19937 random(c.T * 1000003 + c.N * 10007 + c.H);
  const std::size_t G = plain::gates_of(plain_kind), V = 7;
  plain::Layer l{};
  l.kind = plain_kind, l.T = c.T, l.N = c.N, l.I = c.I, l.H = c.H, l.reverse = c.reverse;
  for (std::size_t n = 0; n < c.N; ++n) l.lengths.push_back(!c.padded || n == 1 ? c.T : n == 0 ? 0 : random() % (c.T + 1));
  l.weight_ih = draw<T>(random, G * c.H * c.I, 1 / std::sqrt(c.I)), l.weight_hh = draw<T>(random, G * c.H * c.H, 0.8 / std::sqrt(c.H));
  l.bias = draw<T>(random, G * c.H), l.bias_hn = draw<T>(random, c.H), l.h0 = draw<T>(random, c.N * c.H), l.c0 = draw<T>(random, c.N * c.H);
  l.dy = draw<T>(random, c.T * c.N * c.H), l.dh_last = draw<T>(random, c.N * c.H), l.dc_last = draw<T>(random, c.N * c.H);
  l.x = draw<T>(random, c.T * c.N * c.I);

  // Tokens: x holds rows of an embedding, and the table their products.
  std::vector<std::int32_t> tokens(c.T * c.N);
  plain::Numbers table;
  if (c.tokens) {
    const plain::Numbers embedding = draw<T>(random, V * c.I);
    for (std::size_t row = 0; row < tokens.size(); ++row) {
      tokens[row] = random() % V;
      std::copy_n(embedding.begin() + tokens[row] * c.I, c.I, l.x.begin() + row * c.I);
    }
    table.resize(V * G * c.H);
    for (std::size_t v = 0; v < V; ++v)
      for (std::size_t row = 0; row < G * c.H; ++row)
        table[v * G * c.H + row] = l.bias[row] + plain::dot(l.weight_ih, row * c.I, embedding, v * c.I, c.I);
  }
  for (std::size_t t = 0; t < c.T; ++t)
    for (std::size_t n = 0; n < c.N; ++n)
      if (t >= std::size_t(l.lengths[n])) {
        std::fill_n(l.x.begin() + (t * c.N + n) * c.I, c.I, NAN);
        std::fill_n(l.dy.begin() + (t * c.N + n) * c.H, c.H, NAN);
      }
  plain::run(l);

  // A few roundings for each root of a sum's length, as in the tests in Python.
  const double eps = std::numeric_limits<T>::epsilon();
  const double tolerance = 4 * eps * (std::sqrt(c.I + c.H) + std::sqrt(1 + c.N * c.T)) * (sizeof(T) == 8 ? 20 : 1);
  std::vector<Results<T>> all;
  for (const Memory memory : {kFull, kLow, kSqrt})
    for (const int threads : {1, 3}) {
      set_thread_limit(threads);
      what = std::string(kernel_table().name) + (sizeof(T) == 4 ? " float32 " : " float64 ") + name + " T" + std::to_string(c.T) + " N" +
             std::to_string(c.N) + " I" + std::to_string(c.I) + " H" + std::to_string(c.H) + (c.padded ? " padded" : "") +
             (c.reverse ? " reverse" : "") + (c.tokens ? " tokens " : " ") + kMemory[memory] + " threads " + std::to_string(threads);
      all.push_back(run_layer<T>(l, kind, memory, c.padded, c.tokens ? &tokens : nullptr, table));
      Results<T>& r = all.back();
      const struct { const char* name; Array<T>& found; const plain::Numbers& expected; bool made; } pairs[] = {
          {"y", r.y, l.y, true}, {"dh0", r.dh0, l.dh0, true}, {"dweight_hh", r.dweight_hh, l.dweight_hh, true},
          {"dbias_hn", r.dbias_hn, l.dbias_hn, kind == kGruAfter}, {"dc0", r.carry, l.dc0, kind == kLstm},
          {"dx", r.dx, l.dx, !c.tokens}, {"dweight_ih", r.dweight_ih, l.dweight_ih, !c.tokens}, {"dbias", r.dbias, l.dbias, !c.tokens}};
      if (all.size() == 1) {
        for (const auto& p : pairs)
          if (p.made) compare(p.name, p.found, p.expected, tolerance);
        if (kind == kLstm) {
          Array<T> last = last_c(l, r);
          compare("c", last, l.c_last, tolerance);
        }
        if (c.tokens) {  // forward: each row of the table is added where its token stands, so its gradients add up to the bias'
          plain::Numbers sums(G * c.H);
          for (std::size_t i = 0; i < r.dtable.size(); ++i) sums[i % (G * c.H)] += double(r.dtable.data()[i]);
          Array<T> of_bias(sums);
          compare("dtoken_table, summed,", of_bias, l.dbias, tolerance);
        }
        continue;
      }
      Results<T>& first = all.front();
      same_bits("y", r.y, first.y), same_bits("dx", r.dx, first.dx), same_bits("dh0", r.dh0, first.dh0), same_bits("dc0", r.carry, first.carry);
      same_bits("dweight_ih", r.dweight_ih, first.dweight_ih), same_bits("dweight_hh", r.dweight_hh, first.dweight_hh);
      same_bits("dbias", r.dbias, first.dbias), same_bits("dbias_hn", r.dbias_hn, first.dbias_hn), same_bits("dtoken_table", r.dtable, first.dtable);
    }
}

// Products and the softmax head

}  // namespace
#include "variants.hpp"
namespace {

template <typename T> void check_products(std::int64_t M, std::int64_t I, std::int64_t K) {
  std::mt19937 random(M + I + K);
  const plain::Numbers x = draw<T>(random, M * I), weight = draw<T>(random, K * I), bias = draw<T>(random, K), dy = draw<T>(random, M * K);
  plain::Numbers y(M * K), dweight(K * I), dbias(K);
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t k = 0; k < K; ++k) {
      y[m * K + k] = bias[k] + plain::dot(x, m * I, weight, k * I, I);
      dbias[k] += dy[m * K + k];
      for (std::int64_t i = 0; i < I; ++i) dweight[k * I + i] += dy[m * K + k] * x[m * I + i];
    }
  for (const int threads : {1, 3}) {
    set_thread_limit(threads);
    what = std::string(kernel_table().name) + (sizeof(T) == 4 ? " float32" : " float64") + " products M" + std::to_string(M) + " I" +
           std::to_string(I) + " K" + std::to_string(K) + " threads " + std::to_string(threads);
    Array<T> a(x), b(bias), d(dy), panels = packed<T>(weight, K, I, true), found(M * K), found_dweight(K * I), found_dbias(K);
    const RowsProduct<T> rows{M, a.data(), I, panels.data(), {K, I}, b.data(), found.data(), K};
    run_on_team([&](Team* team, int rank, int size) { kernels<T>().rows_product(rows, team, rank, size); });
    OuterProduct<T> outer{M, K, I, d.data(), a.data(), found_dweight.data(), found_dbias.data(), nullptr};
    Array<T> scratch(kernels<T>().outer_scratch(outer, threads), std::numeric_limits<T>::quiet_NaN());
    outer.scratch = scratch.data();
    run_on_team([&](Team* team, int rank, int size) { kernels<T>().outer_product(outer, team, rank, size); });
    const double eps = std::numeric_limits<T>::epsilon();
    compare("y", found, y, 4 * eps * std::sqrt(I)), compare("dweight", found_dweight, dweight, 4 * eps * std::sqrt(M));
    compare("dbias", found_dbias, dbias, 4 * eps * std::sqrt(M));
  }
}

template <typename T> void check_softmax(std::int64_t rows, std::int64_t classes) {
  std::mt19937 random(rows + classes);
  plain::Numbers z = draw<T>(random, rows * classes, 5), losses(rows), dz(rows * classes);
  for (std::int64_t k = 0; k < classes; ++k) z[k] *= 300, z[(rows - 1) * classes + k] += 1000;  // no number can hold their exponentials
  std::vector<std::int32_t> targets(rows);
  for (std::int64_t m = 0; m < rows; ++m) {
    targets[m] = random() % classes;
    const double highest = *std::max_element(z.begin() + m * classes, z.begin() + (m + 1) * classes);
    double sum = 0;
    for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(double(T(z[m * classes + k])) - double(T(highest)));
    for (std::int64_t k = 0; k < classes; ++k)
      dz[m * classes + k] = std::exp(double(T(z[m * classes + k])) - double(T(highest))) / sum - (k == targets[m]);
    losses[m] = std::log(sum) + (double(T(highest)) - double(T(z[m * classes + targets[m]])));
  }
  what = std::string(kernel_table().name) + (sizeof(T) == 4 ? " float32" : " float64") + " softmax " + std::to_string(rows) + "x" + std::to_string(classes);
  Array<T> logits(z), found(rows), found_dz(rows * classes);
  run_on_team([&](Team*, int rank, int size) {
    kernels<T>().softmax_cross_entropy(rows, classes, logits.data(), targets.data(), found.data(), found_dz.data(), rank, size);
  });
  const double eps = std::numeric_limits<T>::epsilon();
  compare("losses", found, losses, 8 * eps), compare("dlogits", found_dz, dz, 8 * eps);
}

template <typename T> void check_activations() {
  std::mt19937 random(1);
  for (const std::size_t count : {0, 1, 3, 4, 5, 17, 1000}) {
    const plain::Numbers x = draw<T>(random, count, 3);
    const struct { const char* name; void (*kernel)(std::int64_t, const T*, T*); double (*plain)(double); } functions[] = {
        {"exp", kernels<T>().exp, [](double v) { return std::exp(v); }},
        {"sigmoid", kernels<T>().sigmoid, plain::sigmoid},
        {"tanh", kernels<T>().tanh, [](double v) { return std::tanh(v); }}};
    for (const auto& f : functions) {
      what = std::string(kernel_table().name) + (sizeof(T) == 4 ? " float32" : " float64") + " activation of " + std::to_string(count);
      plain::Numbers expected(count);
      std::transform(x.begin(), x.end(), expected.begin(), f.plain);
      Array<T> from(x), to(count);
      f.kernel(count, from.data(), to.data());
      compare(f.name, to, expected, 4 * std::numeric_limits<T>::epsilon());
    }
  }
  what = std::string(kernel_table().name) + " multiply_add";
  expect(kernels<T>().multiply_add(10) > 0, "the rate", "counts no flops");
}

static_assert(kCells == 5, "a cell is not run below");

template <typename T> void check_all() {
  compared = 0;
  const int before = wrong;
  for (const Case& c : kCases) {
    check_layer<T>(c, plain::kLstm, kLstm, "lstm");
    check_layer<T>(c, plain::kGruAfter, kGruAfter, "gru, reset after,");
    check_layer<T>(c, plain::kGruBefore, kGruBefore, "gru, reset before,");
    check_layer<T>(c, plain::kTanh, kRnnTanh, "tanh");
    check_layer<T>(c, plain::kRelu, kRnnRelu, "relu");
  }
  check_variants<T>();
  check_products<T>(1, 1, 1), check_products<T>(3, 5, 7), check_products<T>(1100, 20, 37), check_products<T>(13, 300, 70);
  check_softmax<T>(1, 1), check_softmax<T>(11, 37), check_softmax<T>(40, 8);
  check_activations<T>();
  std::printf("%s %s: %d comparisons, %d wrong\n", kernel_table().name, sizeof(T) == 4 ? "float32" : "float64", compared, wrong - before);
}

}  // namespace

int main(int count, char**) {
  stops_at_first = count > 1;
  for (const std::string& set : usable_instruction_sets()) {
    choose_instruction_set(set);
    check_all<float>();
    check_all<double>();
  }
  return wrong ? 1 : 0;
}
