// A recurrent network's face to Python: all layers and directions forward, backward, and one step of a stream, a native call each.

#include <functional>
#include <stdexcept>
#include <utility>

#include "arrays.hpp"
#include "chunks.hpp"
#include "network.hpp"

using namespace nanobind::literals;

namespace unrolled {
namespace {

// What a forward pass keeps; the numbers are those of engine/recurrent.py.
enum Keep { kKeepGates, kKeepCells, kKeepCheckpoints, kKeepNothing };

template <typename T> class Network;

// What a forward pass leaves; `backward` reads all of it. It holds the arrays that it points into.
template <typename T> struct NetworkRun {
  std::shared_ptr<PackedWeights<T>> packed;
  std::int64_t version;
  Keep keep;
  Batch batch;  // of the first direction
  Chunks chunks;
  std::vector<ForwardCall<T>> calls;
  std::optional<Block<T>> memory;
  std::int64_t bytes = 0;  // of it
  Maybe<In<T>> x, h0, c0;
  Maybe<Indices> tokens, lengths, order, running;
  std::vector<In<T>> tables;
  Out<T> y;
};

template <typename T> class Network {
 public:
  Network(int cell, std::int64_t I, std::int64_t H, std::int64_t layers, std::int64_t directions, std::vector<In<T>> weight_ih,
          std::vector<In<T>> weight_hh, std::vector<In<T>> bias, std::vector<In<T>> bias_hn)
      : shape_{static_cast<CellKind>(cell), I, H, layers, directions}, held_{weight_ih, weight_hh, bias, bias_hn} {
    const std::int64_t rows = G() * H;
    for (std::size_t index = 0; index < static_cast<std::size_t>(shape_.count()); ++index) {
      weights_.push_back({pointer(weight_ih.at(index), rows * shape_.inputs(static_cast<std::int64_t>(index)), "weight_ih"),
                          pointer(weight_hh.at(index), rows * H, "weight_hh"), pointer(bias.at(index), rows, "bias"),
                          bias_hn.empty() ? nullptr : pointer(bias_hn.at(index), H, "bias_hn")});
    }
  }

  std::int64_t packings = 0;  // how often weights were packed

  const NetworkShape& shape() const { return shape_; }
  const Cell<T>& cell() const { return kernels<T>().cells[shape_.cell]; }
  std::int64_t G() const { return cell().gates; }
  bool has_cell() const { return shape_.cell == kLstm; }
  bool has_gates() const { return shape_.cell != kRnnTanh && shape_.cell != kRnnRelu; }
  const std::vector<DirectionWeights<T>>& weights() const { return weights_; }

  // The packed weights of a version of the parameters; those of an older one live on in the runs that hold them. A Python thread that
  // comes meanwhile packs for itself.
  std::shared_ptr<PackedWeights<T>> packed(std::int64_t version) {
    if (!packed_ || version_ != version) {
      std::shared_ptr<PackedWeights<T>> fresh;
      {
        nb::gil_scoped_release release;
        fresh = std::make_shared<PackedWeights<T>>(shape_, weights_, kernels<T>());
      }
      packed_ = fresh, version_ = version, ++packings;
      return fresh;
    }
    return packed_;
  }

  NetworkRun<T> forward(std::int64_t version, std::int64_t T_, std::int64_t N, const Maybe<In<T>>& x, const Maybe<Indices>& tokens,
                        const std::vector<In<T>>& tables, const Maybe<Indices>& lengths, const Maybe<Indices>& order,
                        const Maybe<Indices>& running, const In<T>& h0, const Maybe<In<T>>& c0, const Out<T>& y, const Out<T>& h_n,
                        const Maybe<Out<T>>& c_n, int keep) {
    const std::int64_t H = shape_.H, D = shape_.directions, count = shape_.count(), slots = cell().slots;
    NetworkRun<T> r{packed(version), version, static_cast<Keep>(keep), {}, {}, {}, std::nullopt, 0, x, h0, c0, tokens, lengths, order, running,
                    tables, y};
    r.batch = {T_, N, pointer(lengths, N, "lengths"), pointer(order, N, "order"), pointer(running, T_, "running"), false};
    if (r.keep != kKeepNothing) r.chunks = chunks_of(r.batch);
    const bool keep_gates = has_gates() && r.keep == kKeepGates, keep_c = has_cell() && r.keep <= kKeepCells;
    const std::int64_t chunk = forward_chunk(T_, N);
    const std::int64_t chunks = static_cast<std::int64_t>(r.chunks.starts.size());
    const T* first_h = pointer(h0, count * N * H, "h0");
    const T* first_c = pointer(c0, count * N * H, "c0");
    T* last_y = pointer(y, T_ * N * D * H, "y");
    T* last_h = pointer(h_n, count * N * H, "h_n");
    T* last_c = pointer(c_n, count * N * H, "c_n");

    const auto cut = [&](T* from, T* room_from) {
      Cutter<T> cutter(from), room(room_from);  // what is kept, and what only this call needs
      T* below = nullptr;
      T* output = nullptr;
      r.calls.clear();
      for (std::int64_t index = 0; index < count; ++index) {
        const std::int64_t layer = index / D, d = index % D;
        if (d == 0) below = output, output = layer + 1 < shape_.layers ? cutter.take(T_ * N * D * H) : last_y;
        ForwardCall<T> call{};
        call.batch = r.batch, call.batch.reverse = d == 1;
        call.I = shape_.inputs(index), call.H = H;
        if (layer) {
          call.x = below;
        } else if (tokens) {
          call.tokens = pointer(*tokens, T_ * N, "tokens");
          call.token_table = tables.at(static_cast<std::size_t>(d)).data();
        } else {
          call.x = pointer(x, T_ * N * shape_.I, "x");
        }
        const auto& panels = r.packed->forward()[static_cast<std::size_t>(index)];
        const auto& w = weights_[static_cast<std::size_t>(index)];
        call.panels_ih = panels.ih, call.panels_hh = panels.hh, call.bias = w.bias, call.bias_hn = w.bias_hn;
        call.h0 = first_h + index * N * H;
        call.y = output + d * H, call.y_stride = D * H;
        if (has_cell()) {
          call.c0 = first_c + index * N * H, call.c = cutter.take((keep_c ? T_ : 1) * N * H), call.keep_c = keep_c;
          if (r.keep == kKeepCheckpoints) call.checkpoints = cutter.take(chunks * N * H);
        }
        call.gates = keep_gates ? cutter.take(T_ * N * slots * H) : room.take(chunk * N * slots * H);
        call.keep_gates = keep_gates, call.chunk = chunk;
        call.chunk_starts = r.chunks.starts.data(), call.chunks = r.keep == kKeepCheckpoints ? chunks : 0;
        call.last = T_;
        r.calls.push_back(call);
      }
      return std::pair(cutter.taken(), room.taken());
    };
    const std::pair<std::int64_t, std::int64_t> sizes = cut(nullptr, nullptr);
    const std::int64_t kept = sizes.first, room_numbers = sizes.second;
    r.memory.emplace(kept), r.bytes = kept * static_cast<std::int64_t>(sizeof(T));
    const Block<T> room(room_numbers);
    cut(r.memory->get(), room.get());

    const double flops = 2.0 * static_cast<double>(T_ * N * G() * H) * static_cast<double>(count * (H + shape_.inputs(count - 1)));
    const Pieces pieces = pieces_of(T_);
    const int largest = useful_team(shape_, kernels<T>(), N, team_worth(flops));
    const bool waves = in_waves(shape_, kernels<T>(), N, largest);
    run(flops, [&](Team* team, int rank, int size) {
      if (lengths) {  // padding in what is kept is 0
        std::fill(r.memory->get() + kept * rank / size, r.memory->get() + kept * (rank + 1) / size, T(0));
        if (!team_barrier(team)) return;
      }
      if (has_cell() && !keep_c) {
        if (rank == 0)
          for (const ForwardCall<T>& call : r.calls) std::copy_n(call.c0, N * H, call.c);
        if (!team_barrier(team)) return;
      }
      in_order(
          shape_, waves, pieces.count, [](std::int64_t i) { return i; },
          [&](std::int64_t index, std::int64_t piece, Team* t, int r_, int s) {
            ForwardCall<T> call = r.calls[static_cast<std::size_t>(index)];
            if (piece >= 0) call.first = piece * pieces.length, call.last = std::min(T_, call.first + pieces.length);
            cell().forward(call, t, r_, s);
          },
          [](std::int64_t, Team*, int, int) {}, team, rank, size);
    }, largest);
    if (!keep_gates)
      for (ForwardCall<T>& call : r.calls) call.gates = nullptr;
    for (std::int64_t index = 0; index < count; ++index) leave_state(r.calls[static_cast<std::size_t>(index)], index, last_h, last_c);
    return r;
  }

  void backward(const NetworkRun<T>& r, const Maybe<In<T>>& dy, const Maybe<In<T>>& dh_n, const Maybe<In<T>>& dc_n, const Out<T>& gradients,
                const Maybe<Out<T>>& dx, const Out<T>& dh0, const Maybe<Out<T>>& dc0, const std::vector<Out<T>>& dtables) {
    const std::int64_t H = shape_.H, L = shape_.layers, D = shape_.directions, count = shape_.count(), T_ = r.batch.steps, N = r.batch.size;
    const std::int64_t rows = G() * H;
    const Kernels<T>& k = kernels<T>();
    const auto whole_vectors = [&](std::int64_t columns) { return k.packed_size({columns, 1}) == columns; };
    const bool as_they_lie = r.chunks.starts.size() == 1 && r.chunks.rows <= k.few_rows && whole_vectors(H) && whole_vectors(shape_.I);
    std::shared_ptr<PackedWeights<T>> packed = r.packed;
    const std::vector<typename PackedWeights<T>::Panels>* panels = nullptr;
    if (!as_they_lie) {
      nb::gil_scoped_release release;
      panels = &packed->backward();
    }
    const T* last_dy = pointer(dy, T_ * N * D * H, "dy");
    const T* last_dh = pointer(dh_n, count * N * H, "dh_n");
    const T* last_dc = pointer(dc_n, count * N * H, "dc_n");
    T* first_dx = pointer(dx, T_ * N * shape_.I, "dx");
    T* first_dh = pointer(dh0, count * N * H, "dh0");
    T* first_dc = pointer(dc0, count * N * H, "dc0");
    const double flops = 4.0 * static_cast<double>(T_ * N * rows) * static_cast<double>(count * (H + shape_.inputs(count - 1)));
    const int size = flops < 1e5 ? 1 : useful_team(shape_, k, N, team_worth(flops));
    const bool waves = in_waves(shape_, k, N, size);

    // dx of each direction of each layer, the second one's to be added to the first one's; scratch; carries where there is no dc0
    std::vector<BackwardCall<T>> calls;
    std::vector<T*> second_dx(static_cast<std::size_t>(L));
    std::int64_t gradients_taken = 0;
    const auto cut = [&](T* from) {
      Cutter<T> cutter(from);
      calls.clear();
      std::int64_t largest = 0;
      std::vector<T*> dx_of(static_cast<std::size_t>(L));
      for (std::int64_t layer = 0; layer < L; ++layer) {
        const bool wanted = layer || first_dx;
        const std::int64_t numbers = T_ * N * (layer ? D * H : shape_.I);
        dx_of[static_cast<std::size_t>(layer)] = layer ? cutter.take(numbers) : first_dx;
        second_dx[static_cast<std::size_t>(layer)] = D > 1 && wanted ? cutter.take(numbers) : nullptr;
      }
      gradients_taken = 0;
      T* next = gradients.data();
      const auto gradient = [&](std::int64_t numbers) {
        T* here = next + gradients_taken;
        gradients_taken += numbers;
        return here;
      };
      for (std::int64_t index = 0; index < count; ++index) {
        const std::int64_t layer = index / D, d = index % D;
        const bool top = layer + 1 == L;
        BackwardCall<T> call{};
        call.forward = r.calls[static_cast<std::size_t>(index)];
        const auto at = static_cast<std::size_t>(index);
        call.panels_hh = panels ? (*panels)[at].hh : weights_[at].weight_hh, call.panels_ih = panels ? (*panels)[at].ih : weights_[at].weight_ih;
        call.as_they_lie = as_they_lie;
        const T* dy_of = top ? last_dy : dx_of[static_cast<std::size_t>(layer + 1)];
        call.dy = dy_of ? dy_of + d * H : nullptr, call.dy_stride = D * H;
        call.dh_last = last_dh ? last_dh + index * N * H : nullptr;
        call.carry = !has_gates() ? nullptr : first_dc ? first_dc + index * N * H : cutter.take(N * H);
        call.dh0 = first_dh + index * N * H;
        call.dx = d ? second_dx[static_cast<std::size_t>(layer)] : dx_of[static_cast<std::size_t>(layer)];
        call.dweight_ih = gradient(rows * shape_.inputs(index)), call.dweight_hh = gradient(rows * H), call.dbias = gradient(rows);
        call.dbias_hn = weights_[static_cast<std::size_t>(index)].bias_hn ? gradient(H) : nullptr;
        if (call.forward.tokens)
          call.dweight_ih = call.dbias = nullptr, call.dx = nullptr, call.dtoken_table = dtables.at(static_cast<std::size_t>(d)).data();
        call.chunk_starts = r.chunks.starts.data(), call.chunks = static_cast<std::int64_t>(r.chunks.starts.size());
        call.chunk_rows = r.chunks.rows, call.last = call.chunks;
        const std::int64_t scratch = cell().backward_scratch(call, waves ? 1 : size);
        if (waves) call.scratch = cutter.take(scratch);
        largest = std::max(largest, scratch);
        calls.push_back(call);
      }
      if (!waves) {
        T* shared = cutter.take(largest);
        for (BackwardCall<T>& call : calls) call.scratch = shared;
      }
      return cutter.taken();
    };
    const std::int64_t numbers = cut(nullptr);
    const Block<T> memory(numbers);
    cut(memory.get());
    if (gradients_taken != static_cast<std::int64_t>(gradients.size())) refuse("gradients");

    const std::int64_t chunks = static_cast<std::int64_t>(r.chunks.starts.size());
    const Pieces pieces{std::max<std::int64_t>(chunks, 1), 1};
    run(flops, [&](Team* team, int rank, int team_size) {
      if (rank == 0) {
        for (std::int64_t index = 0; index < count; ++index)
          if (T* carry = calls[static_cast<std::size_t>(index)].carry) {
            if (has_cell() && last_dc) std::copy_n(last_dc + index * N * H, N * H, carry);
            else std::fill_n(carry, N * H, T(0));
          }
        if (r.batch.lengths)  // padding is not written, but added
          for (std::int64_t layer = 0; layer < L; ++layer)
            if (T* second = second_dx[static_cast<std::size_t>(layer)]) {
              std::fill_n(second, T_ * N * (layer ? D * H : shape_.I), T(0));
              if (layer) std::fill_n(calls[static_cast<std::size_t>(layer * D)].dx, T_ * N * D * H, T(0));
            }
      }
      if (!team_barrier(team)) return;
      in_order(
          shape_, waves, pieces.count, [&](std::int64_t i) { return L - 1 - i; },
          [&](std::int64_t index, std::int64_t piece, Team* t, int r_, int s) {
            BackwardCall<T> call = calls[static_cast<std::size_t>(index)];
            if (piece >= 0) call.first = piece, call.last = std::min(chunks, piece + 1);
            cell().backward(call, t, r_, s);
          },
          [&](std::int64_t i, Team*, int r_, int s) {  // both directions read the same x: their gradients add up
            const std::int64_t layer = L - 1 - i;
            const T* second = second_dx[static_cast<std::size_t>(layer)];
            T* sum = calls[static_cast<std::size_t>(layer * D)].dx;
            if (!second || !sum) return;
            const std::int64_t all = T_ * N * (layer ? D * H : shape_.I);
            for (std::int64_t n = all * r_ / s; n < all * (r_ + 1) / s; ++n) sum[n] += second[n];
          },
          team, rank, team_size);
    }, size);
  }

 private:
  // h and c of one direction after each sequence's own last step.
  void leave_state(const ForwardCall<T>& call, std::int64_t index, T* h_n, T* c_n) const {
    const std::int64_t H = shape_.H, N = call.batch.size;
    for (std::int64_t n = 0; n < N; ++n) {
      const std::int64_t steps = call.batch.lengths ? call.batch.lengths[n] : call.batch.steps;
      const std::int64_t row = (call.batch.reverse ? 0 : steps - 1) * N + n, to = (index * N + n) * H;
      std::copy_n(steps ? call.y + row * call.y_stride : call.h0 + n * H, H, h_n + to);
      if (has_cell()) std::copy_n(!steps ? call.c0 + n * H : call.keep_c ? call.c + row * H : call.c + n * H, H, c_n + to);
    }
  }

  NetworkShape shape_;
  std::vector<In<T>> held_[4];  // not read: the weights point into them
  std::vector<DirectionWeights<T>> weights_;
  std::shared_ptr<PackedWeights<T>> packed_;
  std::int64_t version_ = 0;
};

// One step of all layers, to be run again and again: what does not change from step to step is looked up and checked once.
template <typename T> class Step {
 public:
  Step(Network<T>& network, std::int64_t version, std::int64_t N)
      : cell_(network.cell()), packed_(network.packed(version)), of_one_layer_(network.shape()), N_(N), I_(network.shape().I),
        H_(network.shape().H) {
    of_one_layer_.layers = 1;
    const std::int64_t G = cell_.gates;
    gates_ = N * cell_.slots * H_;
    for (std::int64_t layer = 0; layer < network.shape().layers; ++layer) {
      ForwardCall<T> call{};
      call.batch.steps = 1, call.batch.size = N, call.I = network.shape().inputs(layer), call.H = H_, call.chunk = 1, call.last = 1;
      call.y_stride = H_;
      const auto& panels = packed_->forward()[static_cast<std::size_t>(layer)];
      const auto& w = network.weights()[static_cast<std::size_t>(layer)];
      call.panels_ih = panels.ih, call.panels_hh = panels.hh, call.bias = w.bias, call.bias_hn = w.bias_hn;
      calls_.push_back(call);
      flops_ += 2.0 * static_cast<double>(N * G * H_ * (H_ + call.I));
    }
  }

  // h_new and c_new may be h and c, else they lie apart from both and from each other; x may lie in them.
  void run(const In<T>& x, const In<T>& h, const Maybe<In<T>>& c, const Out<T>& h_new, const Maybe<Out<T>>& c_new) {
    const std::int64_t layer_size = N_ * H_, all = layer_size * static_cast<std::int64_t>(calls_.size());
    const T* input = pointer(x, N_ * I_, "x");
    const T* h_from = pointer(h, all, "h");
    const T* c_from = pointer(c, all, "c");
    T* h_to = pointer(h_new, all, "h_new");
    T* c_to = pointer(c_new, all, "c_new");
    const auto meet = [](const T* one, std::int64_t numbers, const T* other, std::int64_t others) {
      return one && other && std::less<>()(one, other + others) && std::less<>()(other, one + numbers);
    };
    const auto meets_states = [&](const T* to, const T* from, const T* from_2, const T* to_2) {
      return (to != from && meet(to, all, from, all)) || meet(to, all, from_2, all) || meet(to, all, to_2, all);
    };
    if (meets_states(h_to, h_from, c_from, c_to) || meets_states(c_to, c_from, h_from, nullptr))
      throw std::invalid_argument("unrolled.engine: internal error: a new state overlaps another state");
    thread_local std::vector<T> h_before, gates, own_x;  // grow once; several Python threads may step at the same time
    if (meet(h_to, all, input, N_ * I_) || meet(c_to, all, input, N_ * I_)) {
      own_x.assign(input, input + N_ * I_);
      input = own_x.data();
    }
    if (static_cast<std::int64_t>(h_before.size()) < layer_size) h_before.resize(static_cast<std::size_t>(layer_size));
    if (static_cast<std::int64_t>(gates.size()) < gates_) gates.resize(static_cast<std::size_t>(gates_));
    const int worth = team_worth(flops_), largest = worth < 2 ? 1 : useful_team(of_one_layer_, kernels<T>(), N_, worth);
    for (std::size_t layer = 0; layer < calls_.size(); ++layer) {
      const std::int64_t at = layer_size * static_cast<std::int64_t>(layer);
      std::copy_n(h_from + at, layer_size, h_before.data());
      ForwardCall<T> call = calls_[layer];
      call.x = input, call.h0 = h_before.data(), call.y = h_to + at, call.gates = gates.data();
      if (c_from) call.c0 = c_from + at, call.c = c_to + at;
      unrolled::run(flops_, [&](Team* team, int rank, int size) { cell_.forward(call, team, rank, size); }, largest);
      input = h_to + at;
    }
  }

 private:
  const Cell<T>& cell_;
  std::shared_ptr<PackedWeights<T>> packed_;
  NetworkShape of_one_layer_;
  std::int64_t N_, I_, H_, gates_;
  std::vector<ForwardCall<T>> calls_;
  double flops_ = 0;
};

template <typename T> void bind(nb::module_& m) {
  using Run = NetworkRun<T>;
  constexpr bool is_float = sizeof(T) == 4;
  nb::class_<Run>(m, is_float ? "NetworkRun32" : "NetworkRun64")
      .def_ro("version", &Run::version)
      .def_ro("bytes", &Run::bytes)  // that are kept beside the output
      // What direction `index` keeps, as views: y (T, N, H) with rows apart, c (T, N, H), gates (T, N, slots, H); None where not kept.
      .def("kept", [](nb::handle self, std::int64_t index, std::int64_t slots) {
        const Run& r = nb::cast<const Run&>(self);
        const ForwardCall<T>& call = r.calls.at(static_cast<std::size_t>(index));
        const auto N = static_cast<std::size_t>(r.batch.size), T_ = static_cast<std::size_t>(r.batch.steps);
        const auto H = static_cast<std::size_t>(call.H), S = static_cast<std::size_t>(slots);
        using View = nb::ndarray<nb::numpy, T>;
        const View y(call.y, {T_, N, H}, self, {static_cast<std::int64_t>(N) * call.y_stride, call.y_stride, 1});
        nb::object c = nb::none(), gates = nb::none();
        if (call.c && call.keep_c) c = nb::cast(View(call.c, {T_, N, H}, self));
        if (call.gates && call.keep_gates) gates = nb::cast(View(call.gates, {T_, N, S, H}, self));
        return nb::make_tuple(y, c, gates);
      });
  nb::class_<Step<T>>(m, is_float ? "Step32" : "Step64")
      .def("run", &Step<T>::run, "x"_a.noconvert(), "h"_a.noconvert(), "c"_a.noconvert().none(), "h_new"_a.noconvert(),
           "c_new"_a.noconvert().none());
  nb::class_<Network<T>>(m, is_float ? "Network32" : "Network64")
      .def(nb::init<int, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::vector<In<T>>, std::vector<In<T>>, std::vector<In<T>>,
                    std::vector<In<T>>>(),
           "cell"_a, "I"_a, "H"_a, "layers"_a, "directions"_a, "weight_ih"_a, "weight_hh"_a, "bias"_a, "bias_hn"_a)
      .def("forward", &Network<T>::forward, nb::keep_alive<0, 1>(), "version"_a, "T"_a, "N"_a, "x"_a.none(), "tokens"_a.none(), "tables"_a,
           "lengths"_a.none(), "order"_a.none(), "running"_a.none(), "h0"_a, "c0"_a.none(), "y"_a, "h_n"_a, "c_n"_a.none(), "keep"_a)
      .def("backward", &Network<T>::backward, "run"_a, "dy"_a.none(), "dh_n"_a.none(), "dc_n"_a.none(), "gradients"_a, "dx"_a.none(),
           "dh0"_a, "dc0"_a.none(), "dtables"_a)
      .def_ro("packings", &Network<T>::packings)
      .def("step", [](Network<T>& self, std::int64_t version, std::int64_t N) { return Step<T>(self, version, N); }, nb::keep_alive<0, 1>(),
           "version"_a, "N"_a);
}

}  // namespace

void bind_network(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace unrolled
