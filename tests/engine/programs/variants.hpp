// Checks the variants' kernels: forward against plain loops in double precision, backward against central differences of those loops.
//
// Included by kernels.cpp, whose helpers it uses. Parameters are in the order of engine/variants.py.
#pragma once

namespace plain {

enum { kWeightIh, kWeightHh, kBias, kBiasHn, kGainIh, kGainHh, kGainC, kShiftC, kPeephole, kWeightHr, kX, kH0, kC0, kInputs };

struct Variant {
  Kind kind;
  size_t T, N, I, H, R;
  bool norm, reverse;
  std::vector<std::int32_t> lengths;
  Numbers in[kInputs];      // empty where a variant has none
  Numbers mask;             // (N, R)
  Numbers stay_h, stay_c;   // (T, N, R), (T, N, H)
  Numbers dy, dh, dc;       // of y and of the last states
  Numbers y, h, c;          // filled
};

inline void normalise(Numbers& v, size_t first, size_t count) {
  double mean = 0, squares = 0;
  for (size_t k = first; k < first + count; ++k) mean += v[k] / double(count);
  for (size_t k = first; k < first + count; ++k) squares += (v[k] - mean) * (v[k] - mean) / double(count);
  for (size_t k = first; k < first + count; ++k) v[k] = (v[k] - mean) / std::sqrt(squares + 1e-5);
}

inline void step(Variant& l, size_t n, size_t t, Numbers& h, Numbers& c) {
  const size_t H = l.H, R = l.R, I = l.I, G = gates_of(l.kind), at = t * l.N + n;
  Numbers seen(R), of_x(G * H), of_h(G * H), made(H), c_new(H);
  for (size_t k = 0; k < R; ++k) seen[k] = l.mask[n * R + k] * h[k];
  for (size_t row = 0; row < G * H; ++row) {
    of_x[row] = dot(l.in[kWeightIh], row * I, l.in[kX], at * I, I);
    of_h[row] = dot(l.in[kWeightHh], row * R, seen, 0, R);
  }
  if (l.norm) {
    const size_t together = l.kind == kLstm ? 4 * H : 2 * H;
    for (Numbers* sums : {&of_x, &of_h}) {
      normalise(*sums, 0, together);
      if (l.kind != kLstm) normalise(*sums, together, H);
    }
    for (size_t row = 0; row < G * H; ++row) of_x[row] *= l.in[kGainIh][row], of_h[row] *= l.in[kGainHh][row];
  }
  for (size_t row = 0; row < G * H; ++row) of_x[row] += l.in[kBias][row];
  const auto peephole = [&](size_t k, size_t u) { return l.in[kPeephole].empty() ? 0 : l.in[kPeephole][k * H + u]; };
  if (l.kind == kLstm) {
    for (size_t u = 0; u < H; ++u) {
      const double i = sigmoid(of_x[u] + of_h[u] + peephole(0, u) * c[u]);
      const double f = sigmoid(of_x[H + u] + of_h[H + u] + peephole(1, u) * c[u]);
      c_new[u] = f * c[u] + i * std::tanh(of_x[2 * H + u] + of_h[2 * H + u]);
    }
    Numbers inner = c_new;
    if (l.norm) {
      normalise(inner, 0, H);
      for (size_t u = 0; u < H; ++u) inner[u] = l.in[kGainC][u] * inner[u] + l.in[kShiftC][u];
    }
    for (size_t u = 0; u < H; ++u) made[u] = sigmoid(of_x[3 * H + u] + of_h[3 * H + u] + peephole(2, u) * c_new[u]) * std::tanh(inner[u]);
    if (!l.in[kWeightHr].empty()) {
      const Numbers out = made;
      made.assign(R, 0);
      for (size_t k = 0; k < R; ++k) made[k] = dot(l.in[kWeightHr], k * H, out, 0, H);
    }
  } else if (G == 3) {
    Numbers r(H), of_r(H);
    for (size_t u = 0; u < H; ++u) r[u] = sigmoid(of_x[u] + of_h[u]), of_r[u] = r[u] * seen[u];
    for (size_t u = 0; u < H; ++u) {
      const double z = sigmoid(of_x[H + u] + of_h[H + u]);
      const double q = l.kind == kGruAfter ? r[u] * (of_h[2 * H + u] + l.in[kBiasHn][u]) : dot(l.in[kWeightHh], (2 * H + u) * R, of_r, 0, R);
      made[u] = (1 - z) * std::tanh(of_x[2 * H + u] + q) + z * h[u];
    }
  } else {
    for (size_t u = 0; u < H; ++u) made[u] = l.kind == kTanh ? std::tanh(of_x[u] + of_h[u]) : std::max(of_x[u] + of_h[u], 0.0);
  }
  for (size_t k = 0; k < R; ++k) h[k] = l.stay_h[at * R + k] * h[k] + (1 - l.stay_h[at * R + k]) * made[k];
  for (size_t u = 0; u < H && l.kind == kLstm; ++u) c[u] = l.stay_c[at * H + u] * c[u] + (1 - l.stay_c[at * H + u]) * c_new[u];
}

inline void run(Variant& l) {
  l.y.assign(l.T * l.N * l.R, 0), l.h = l.in[kH0], l.c = l.in[kC0];
  for (size_t n = 0; n < l.N; ++n) {
    Numbers h(l.h.begin() + n * l.R, l.h.begin() + (n + 1) * l.R), c;
    if (l.kind == kLstm) c.assign(l.c.begin() + n * l.H, l.c.begin() + (n + 1) * l.H);
    for (size_t s = 0, length = l.lengths[n]; s < length; ++s) {
      const size_t t = l.reverse ? length - 1 - s : s;
      step(l, n, t, h, c);
      std::copy(h.begin(), h.end(), l.y.begin() + (t * l.N + n) * l.R);
    }
    std::copy(h.begin(), h.end(), l.h.begin() + n * l.R), std::copy(c.begin(), c.end(), l.c.begin() + n * l.H);
  }
}

// Of all outputs, each weighed by its upstream gradient.
inline double loss(Variant l, int input, const Numbers& way, double by) {
  for (size_t k = 0; k < way.size(); ++k) l.in[input][k] += by * way[k];
  run(l);
  double sum = dot(l.h, 0, l.dh, 0, l.h.size()) + dot(l.c, 0, l.dc, 0, l.c.size());
  for (size_t k = 0; k < l.y.size(); ++k) sum += l.y[k] ? l.y[k] * l.dy[k] : 0;
  return sum;
}

}  // namespace plain

namespace {

// The engine's results, the gradients in the order of the inputs.
template <typename T> struct VariantResults {
  Array<T> y, h, c;
  std::vector<Array<T>> gradients;
};

template <typename T> VariantResults<T> run_variant(const plain::Variant& l, CellKind kind) {
  const Variant<T>& variant = kernels<T>().variants[kind];
  const std::int64_t steps = l.T, N = l.N, I = l.I, H = l.H, R = l.R, rows = plain::gates_of(l.kind) * H;
  std::vector<std::int32_t> order(N), running(steps);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return l.lengths[a] > l.lengths[b]; });
  for (std::int64_t s = 0; s < steps; ++s) running[s] = std::count_if(l.lengths.begin(), l.lengths.end(), [&](int length) { return length > s; });
  const Batch batch{steps, N, l.lengths.data(), order.data(), running.data(), l.reverse};
  std::int64_t chunk_rows;
  const std::vector<std::int64_t> starts = chunk_starts(batch, chunk_rows);

  std::vector<Array<T>> in;
  for (const plain::Numbers& numbers : l.in) in.emplace_back(numbers);
  const auto at = [&](int k) { return l.in[k].empty() ? nullptr : in[k].data(); };
  Array<T> mask(l.mask), stay_h(l.stay_h), stay_c(l.stay_c), dy(l.dy);
  // weight_hh of a cell of two phases: the gates of each by themselves
  const auto split = [&](bool back) {
    const std::int64_t first = variant.first_gates * H;
    std::vector<T> both;
    for (const auto [from, to] : {std::pair(std::int64_t(0), first), std::pair(first, rows)}) {
      if (from == to) continue;
      const plain::Numbers part(l.in[plain::kWeightHh].begin() + from * R, l.in[plain::kWeightHh].begin() + to * R);
      Array<T> panels = back ? packed<T>(part, R, to - from, false) : packed<T>(part, to - from, R, true);
      both.insert(both.end(), panels.data(), panels.data() + panels.size());
    }
    return both;
  };
  const std::vector<T> hh = split(false), back_hh = split(true);
  Array<T> ih = packed<T>(l.in[plain::kWeightIh], rows, I, true), back_ih = packed<T>(l.in[plain::kWeightIh], I, rows, false);
  const bool projects = at(plain::kWeightHr);
  Array<T> hr = projects ? packed<T>(l.in[plain::kWeightHr], R, H, true) : Array<T>(0);
  Array<T> back_hr = projects ? packed<T>(l.in[plain::kWeightHr], H, R, false) : Array<T>(0);

  VariantResults<T> r{Array<T>(l.y.size()), Array<T>(l.in[plain::kH0]), Array<T>(l.in[plain::kC0]), {}};
  for (const plain::Numbers& numbers : l.in) r.gradients.emplace_back(numbers.size());
  VariantCall<T> f{};
  f.batch = batch, f.I = I, f.H = H, f.R = R, f.layer_norm = l.norm;
  f.panels_ih = ih.data(), f.panels_hh = hh.data(), f.panels_hr = projects ? hr.data() : nullptr;
  f.bias = at(plain::kBias), f.bias_hn = at(plain::kBiasHn), f.gain_ih = at(plain::kGainIh), f.gain_hh = at(plain::kGainHh);
  f.gain_c = at(plain::kGainC), f.shift_c = at(plain::kShiftC), f.peephole = at(plain::kPeephole);
  f.x = at(plain::kX), f.h0 = at(plain::kH0), f.c0 = at(plain::kC0), f.mask = mask.data();
  f.zoneout_h = {true, 0, stay_h.data()}, f.zoneout_c = {true, 0, stay_c.data()};
  f.y = r.y.data(), f.h = r.h.data(), f.c = r.c.data(), f.keep = true, f.chunk = std::max<std::int64_t>(1, 100 / N);
  Array<T> records(steps * N * variant.record(f).size), scratch(variant.forward_scratch(f, thread_limit()), T(777));
  f.records = records.data(), f.scratch = scratch.data();
  run_on_team([&](Team* team, int rank, int size) { variant.forward(f, team, rank, size); });

  Array<T> dh(l.dh), dc(l.dc);
  VariantBackCall<T> b{};
  b.forward = f, b.panels_ih = back_ih.data(), b.panels_hh = back_hh.data(), b.panels_hr = back_hr.data(), b.dy = dy.data();
  b.dh = dh.data(), b.dc = dc.data(), b.dx = r.gradients[plain::kX].data();
  T** const to[] = {&b.dweight_ih, &b.dweight_hh, &b.dbias, &b.dbias_hn, &b.dgain_ih, &b.dgain_hh, &b.dgain_c, &b.dshift_c, &b.dpeephole, &b.dweight_hr};
  for (int k = 0; k < plain::kX; ++k) *to[k] = at(k) ? r.gradients[k].data() : nullptr;
  b.chunk_starts = starts.data(), b.chunks = starts.size(), b.chunk_rows = chunk_rows;
  Array<T> back_scratch(variant.backward_scratch(b, thread_limit()), T(777));
  b.scratch = back_scratch.data();
  run_on_team([&](Team* team, int rank, int size) { variant.backward(b, team, rank, size); });
  r.gradients[plain::kH0] = dh;
  if (l.kind == plain::kLstm) r.gradients[plain::kC0] = dc;
  expect(records.guarded() && scratch.guarded() && back_scratch.guarded(), "records or scratch", "is written behind its end");
  return r;
}

// A variant with everything that its cell can have, but peepholes and a projection only where `more`.
template <typename T> void check_variant(const Case& c, plain::Kind plain_kind, CellKind kind, bool more) {
  std::mt19937 random(c.T * 1000003 + c.N * 10007 + c.H);
  plain::Variant l{};
  l.kind = plain_kind, l.T = c.T, l.N = c.N, l.I = c.I, l.H = c.H, l.reverse = c.reverse;
  const bool lstm = plain_kind == plain::kLstm, projects = lstm && more;
  l.norm = more && (lstm || plain_kind == plain::kGruAfter);
  const std::size_t G = plain::gates_of(plain_kind), H = l.H, R = l.R = projects ? H / 2 + 1 : H, I = l.I;
  for (std::size_t n = 0; n < c.N; ++n) l.lengths.push_back(!c.padded || n == 1 ? c.T : n == 0 ? 0 : random() % (c.T + 1));
  const struct { bool there; std::size_t count; double scale; } inputs[plain::kInputs] = {
      {true, G * H * I, 1 / std::sqrt(I)}, {true, G * H * R, 0.8 / std::sqrt(R)}, {true, G * H, 0.7}, {plain_kind == plain::kGruAfter, H, 0.7},
      {l.norm, G * H, 0.7}, {l.norm, G * H, 0.7}, {l.norm && lstm, H, 0.7}, {l.norm && lstm, H, 0.7}, {projects, 3 * H, 0.7},
      {projects, R * H, 1 / std::sqrt(H)}, {true, c.T * c.N * I, 1}, {true, c.N * R, 1}, {lstm, c.N * H, 1}};
  for (int k = 0; k < plain::kInputs; ++k) l.in[k] = draw<T>(random, inputs[k].there ? inputs[k].count : 0, inputs[k].scale);
  l.dy = draw<T>(random, c.T * c.N * R), l.dh = draw<T>(random, c.N * R), l.dc = draw<T>(random, lstm ? c.N * H : 0);
  l.mask.resize(c.N * R), l.stay_h.resize(c.T * c.N * R), l.stay_c.resize(c.T * c.N * H);
  for (double& x : l.mask) x = random() % 3 ? 1.5 : 0;
  for (plain::Numbers* masks : {&l.stay_h, &l.stay_c})
    for (double& x : *masks) x = random() % 4 ? 0 : 1;
  for (std::size_t t = 0; t < c.T; ++t)
    for (std::size_t n = 0; n < c.N; ++n)
      if (t >= std::size_t(l.lengths[n])) {
        std::fill_n(l.in[plain::kX].begin() + (t * c.N + n) * I, I, NAN);
        std::fill_n(l.dy.begin() + (t * c.N + n) * R, R, NAN);
      }
  plain::run(l);
  const double eps = std::numeric_limits<T>::epsilon();
  std::vector<VariantResults<T>> all;
  for (const int threads : {1, 3}) {
    set_thread_limit(threads);
    what = std::string(kernel_table().name) + (sizeof(T) == 4 ? " float32" : " float64") + " variant of cell " + std::to_string(kind) +
           (more ? " with all" : "") + " T" + std::to_string(c.T) + " N" + std::to_string(c.N) + " I" + std::to_string(I) + " H" + std::to_string(H);
    all.push_back(run_variant<T>(l, kind));
    const double tolerance = 400 * eps * std::sqrt(1 + I + H);
    compare("y", all.back().y, l.y, tolerance), compare("h", all.back().h, l.h, tolerance), compare("c", all.back().c, l.c, tolerance);
  }
  for (int k = 0; k < plain::kInputs; ++k) {
    Array<T>& found = all[0].gradients[k];
    same_bits("a gradient", found, all[1].gradients[k]);
    expect(found.guarded(), "a gradient", "is written behind its end");
    const plain::Numbers way = draw<double>(random, found.size(), std::min(1.0, 4 / std::sqrt(1.0 + double(found.size()))));
    double slope = 0;
    for (std::size_t n = 0; n < way.size(); ++n) slope += way[n] * double(found.data()[n]);
    const double numeric = (plain::loss(l, k, way, 1e-5) - plain::loss(l, k, way, -1e-5)) / 2e-5;
    const double off = std::fabs(slope - numeric) / std::max(1.0, std::fabs(numeric)) / (sizeof(T) == 4 ? 1e-3 : 1e-6);
    expect(off <= 1, "gradient", "of input " + std::to_string(k) + " is " + std::to_string(off) + " times its tolerance off");
  }
}

template <typename T> void check_variants() {
  for (const Case& c : {Case{1, 1, 1, 1, false, false, false}, Case{3, 2, 5, 7, false, true, false}, Case{6, 13, 6, 17, true, false, false},
                        Case{40, 14, 9, 33, true, true, false}, Case{2, 3, 10, 270, false, false, false}})
    for (const bool more : {false, true}) {
      check_variant<T>(c, plain::kLstm, kLstm, more);
      check_variant<T>(c, plain::kGruAfter, kGruAfter, more);
      if (more) continue;
      check_variant<T>(c, plain::kGruBefore, kGruBefore, more);
      check_variant<T>(c, plain::kTanh, kRnnTanh, more);
      check_variant<T>(c, plain::kRelu, kRnnRelu, more);
    }
}

}  // namespace
