// What the kernels compute, in plain loops and double precision, one sequence after the other; nothing of the engine is used.
//
// Gate order: i, f, g, o (LSTM); r, z, n (GRU, with the reset gate after the candidate's product or before it). Arrays as the engine has them: (T, N, n), weights (G H, n).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace plain {

using Numbers = std::vector<double>;
using std::size_t;

enum Kind { kLstm, kGruAfter, kGruBefore, kTanh, kRelu };

inline size_t gates_of(Kind kind) { return kind == kLstm ? 4 : kind == kGruAfter || kind == kGruBefore ? 3 : 1; }

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Layer {
  Kind kind;
  size_t T, N, I, H;
  std::vector<std::int32_t> lengths;  // (N,)
  bool reverse;
  Numbers weight_ih, weight_hh, bias, bias_hn;
  Numbers x, h0, c0;                  // padding of x is never read
  Numbers dy, dh_last, dc_last;       // of y, and of each sequence's last h and c

  Numbers y, c_last;                  // filled: (T, N, H), 0 in padding; (N, H)
  Numbers dx, dh0, dc0, dweight_ih, dweight_hh, dbias, dbias_hn;  // filled
};

// One step of one sequence: what the cell makes, and what its way back wants.
struct Step {
  size_t t;
  Numbers h_prev, c_prev, h, c;
  std::vector<Numbers> gates;
  Numbers q;  // GRU, after: W_hn h_prev + b_hn
  Numbers s;  // what the last gate's product takes: h_prev, or r h_prev (GRU, before)
};

inline double dot(const Numbers& a, size_t a0, const Numbers& b, size_t b0, size_t n) {
  double sum = 0;
  for (size_t k = 0; k < n; ++k) sum += a[a0 + k] * b[b0 + k];
  return sum;
}

inline Step step_forward(const Layer& l, size_t n, size_t t, const Numbers& h_prev, const Numbers& c_prev) {
  const size_t H = l.H, G = gates_of(l.kind);
  Step s{t, h_prev, c_prev, Numbers(H), Numbers(H), std::vector<Numbers>(G, Numbers(H)), Numbers(H), h_prev};
  const auto of_x_at = [&](size_t row) { return l.bias[row] + dot(l.weight_ih, row * l.I, l.x, (t * l.N + n) * l.I, l.I); };
  if (l.kind == kGruBefore)
    for (size_t u = 0; u < H; ++u) s.s[u] *= sigmoid(of_x_at(u) + dot(l.weight_hh, u * H, h_prev, 0, H));
  for (size_t u = 0; u < H; ++u) {
    double of_x[4], of_h[4];
    for (size_t g = 0; g < G; ++g) {
      const size_t row = g * H + u;
      of_x[g] = of_x_at(row);
      of_h[g] = dot(l.weight_hh, row * H, g + 1 == G ? s.s : h_prev, 0, H);
    }
    if (l.kind == kLstm) {
      const double i = sigmoid(of_x[0] + of_h[0]), f = sigmoid(of_x[1] + of_h[1]), g = std::tanh(of_x[2] + of_h[2]);
      const double o = sigmoid(of_x[3] + of_h[3]);
      s.c[u] = f * c_prev[u] + i * g;
      s.h[u] = o * std::tanh(s.c[u]);
      s.gates[0][u] = i, s.gates[1][u] = f, s.gates[2][u] = g, s.gates[3][u] = o;
    } else if (G == 3) {
      const double r = sigmoid(of_x[0] + of_h[0]), z = sigmoid(of_x[1] + of_h[1]);
      s.q[u] = l.kind == kGruAfter ? of_h[2] + l.bias_hn[u] : 0;
      const double candidate = std::tanh(of_x[2] + (l.kind == kGruAfter ? r * s.q[u] : of_h[2]));
      s.h[u] = (1 - z) * candidate + z * h_prev[u];
      s.gates[0][u] = r, s.gates[1][u] = z, s.gates[2][u] = candidate;
    } else {
      const double z = of_x[0] + of_h[0];
      s.h[u] = l.kind == kTanh ? std::tanh(z) : z > 0 ? z : 0;
    }
  }
  return s;
}

// Carries dh and dc, the gradients of the step's h and c, to those of the step before, and adds to all others.
inline void step_backward(Layer& l, size_t n, const Step& s, Numbers& dh, Numbers& dc) {
  const size_t H = l.H, G = gates_of(l.kind), I = l.I;
  Numbers dh_prev(H), of_x(G * H), of_h(G * H);  // the gradients of the two products
  for (size_t u = 0; u < H; ++u) {
    if (l.kind == kLstm) {
      const double i = s.gates[0][u], f = s.gates[1][u], g = s.gates[2][u], o = s.gates[3][u], tanh_c = std::tanh(s.c[u]);
      const double dc_all = dc[u] + dh[u] * o * (1 - tanh_c * tanh_c);
      of_x[0 * H + u] = dc_all * g * i * (1 - i);
      of_x[1 * H + u] = dc_all * s.c_prev[u] * f * (1 - f);
      of_x[2 * H + u] = dc_all * i * (1 - g * g);
      of_x[3 * H + u] = dh[u] * tanh_c * o * (1 - o);
      dc[u] = dc_all * f;
    } else if (G == 3) {
      const double r = s.gates[0][u], z = s.gates[1][u], candidate = s.gates[2][u];
      const double dn = dh[u] * (1 - z) * (1 - candidate * candidate);
      of_x[1 * H + u] = dh[u] * (s.h_prev[u] - candidate) * z * (1 - z);
      of_x[2 * H + u] = dn;
      dh_prev[u] += dh[u] * z;
      if (l.kind == kGruAfter) {
        of_x[u] = dn * s.q[u] * r * (1 - r);
        l.dbias_hn[u] += dn * r;
      }
    } else {
      of_x[u] = dh[u] * (l.kind == kTanh ? 1 - s.h[u] * s.h[u] : s.h[u] > 0 ? 1 : 0);
    }
  }
  if (l.kind == kGruBefore)
    for (size_t k = 0; k < H; ++k) {
      double ds = 0;
      for (size_t u = 0; u < H; ++u) ds += of_x[2 * H + u] * l.weight_hh[(2 * H + u) * H + k];
      const double r = s.gates[0][k];
      of_x[k] = ds * s.h_prev[k] * r * (1 - r);
      dh_prev[k] += ds * r;
    }
  of_h = of_x;
  if (l.kind == kGruAfter)
    for (size_t u = 0; u < H; ++u) of_h[2 * H + u] = of_x[2 * H + u] * s.gates[0][u];
  for (size_t row = 0; row < G * H; ++row) {
    const size_t at = (s.t * l.N + n) * I;
    for (size_t k = 0; k < I; ++k) l.dweight_ih[row * I + k] += of_x[row] * l.x[at + k], l.dx[at + k] += of_x[row] * l.weight_ih[row * I + k];
    const bool of_s = l.kind == kGruBefore && row >= 2 * H;  // whose way back to h_prev is above
    for (size_t k = 0; k < H; ++k) {
      l.dweight_hh[row * H + k] += of_h[row] * (of_s ? s.s : s.h_prev)[k];
      if (!of_s) dh_prev[k] += of_h[row] * l.weight_hh[row * H + k];
    }
    l.dbias[row] += of_x[row];
  }
  dh = dh_prev;
}

inline void run(Layer& l) {
  const size_t H = l.H, N = l.N, G = gates_of(l.kind);
  l.y.assign(l.T * N * H, 0), l.dx.assign(l.T * N * l.I, 0);
  l.c_last.assign(N * H, 0), l.dh0.assign(N * H, 0), l.dc0.assign(N * H, 0);
  l.dweight_ih.assign(G * H * l.I, 0), l.dweight_hh.assign(G * H * H, 0), l.dbias.assign(G * H, 0), l.dbias_hn.assign(H, 0);
  for (size_t n = 0; n < N; ++n) {
    const auto row_of = [&](const Numbers& a) { return Numbers(a.begin() + n * H, a.begin() + (n + 1) * H); };
    const size_t length = l.lengths[n];
    Numbers h = row_of(l.h0), c = row_of(l.c0);
    std::vector<Step> steps;
    for (size_t s = 0; s < length; ++s) {
      const size_t t = l.reverse ? length - 1 - s : s;
      steps.push_back(step_forward(l, n, t, h, c));
      h = steps.back().h, c = steps.back().c;
      for (size_t u = 0; u < H; ++u) l.y[(t * N + n) * H + u] = h[u];
    }
    Numbers dh = row_of(l.dh_last), dc = row_of(l.dc_last);
    for (size_t s = length; s-- > 0;) {
      for (size_t u = 0; u < H; ++u) dh[u] += l.dy[(steps[s].t * N + n) * H + u];
      step_backward(l, n, steps[s], dh, dc);
    }
    for (size_t u = 0; u < H; ++u) l.c_last[n * H + u] = c[u], l.dh0[n * H + u] = dh[u], l.dc0[n * H + u] = dc[u];
  }
}

}  // namespace plain
