// The variants' face to Python: one direction of one layer, forward and backward, a native call each.

#include <utility>

#include "arrays.hpp"
#include "chunks.hpp"
#include "network.hpp"

using namespace nanobind::literals;

namespace unrolled {
namespace {

// The parameters in the order of engine/variants.py.
enum Parameter { kWeightIh, kWeightHh, kBias, kBiasHn, kGainIh, kGainHh, kGainC, kShiftC, kPeephole, kWeightHr, kParameters };

struct VariantShape {
  CellKind cell;
  std::int64_t I, H, R;
};

// The packed weights of one version of the parameters; those for the way back are made when first asked for.
template <typename T> class PackedVariant {
 public:
  struct Panels {
    std::optional<Block<T>> memory;
    T *ih = nullptr, *hh = nullptr, *hr = nullptr;
  };

  PackedVariant(const VariantShape& shape, const T* const* weights, const Kernels<T>& kernels)
      : shape_(shape), weights_{weights[kWeightIh], weights[kWeightHh], weights[kWeightHr]}, kernels_(kernels) {
    pack(forward_, false);
  }
  const Panels& forward() const { return forward_; }
  const Panels& backward() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!backward_.memory) pack(backward_, true);
    return backward_;
  }

 private:
  void pack(Panels& to, bool back) const {
    const std::int64_t I = shape_.I, H = shape_.H, R = shape_.R, rows = kernels_.cells[shape_.cell].gates * H;
    const std::int64_t first = kernels_.variants[shape_.cell].first_gates * H;
    const auto shape_of = [back](std::int64_t of_rows, std::int64_t columns) {
      return back ? PanelShape{columns, of_rows} : PanelShape{of_rows, columns};
    };
    const auto size_of = [&](std::int64_t of_rows, std::int64_t columns) {
      return of_rows ? kernels_.packed_size(shape_of(of_rows, columns)) : 0;
    };
    const auto cut = [&](T* from) {
      Cutter<T> cutter(from);
      to.ih = cutter.take(size_of(rows, I));
      to.hh = cutter.take(size_of(first, R) + size_of(rows - first, R));
      to.hr = weights_[2] ? cutter.take(size_of(R, H)) : nullptr;
      return cutter.taken();
    };
    Block<T> memory(cut(nullptr));
    cut(memory.get());
    auto job = [&](Team*, int rank, int size) {
      const auto put = [&](T* panels, const T* weight, std::int64_t of_rows, std::int64_t columns) {
        if (of_rows) kernels_.pack(panels, shape_of(of_rows, columns), weight, back ? 1 : columns, back ? columns : 1, rank, size);
      };
      put(to.ih, weights_[0], rows, I);
      put(to.hh, weights_[1], first, R);
      put(to.hh + size_of(first, R), weights_[1] + first * R, rows - first, R);
      if (to.hr) put(to.hr, weights_[2], R, H);
    };
    const double work = 8.0 * static_cast<double>(rows * (I + R));
    if (work < 1e6) {
      job(nullptr, 0, 1);
    } else {
      run_team(
          static_cast<int>(std::min(work / 1e6, 1024.0)),
          [](void* context, Team*, int rank, int size) { (*static_cast<decltype(job)*>(context))(nullptr, rank, size); }, &job, nullptr);
    }
    to.memory.emplace(std::move(memory));
  }

  VariantShape shape_;
  const T* weights_[3];
  const Kernels<T>& kernels_;
  std::mutex mutex_;
  Panels forward_, backward_;
};

// What a forward pass leaves; `backward` reads all of it. It holds the arrays that it points into.
template <typename T> struct VariantRun {
  std::shared_ptr<PackedVariant<T>> packed;
  Chunks chunks;
  VariantCall<T> call;
  VariantRecord record;
  std::optional<Block<T>> records;
  std::vector<Maybe<In<T>>> held;
  std::vector<Maybe<Indices>> held_indices;
  Out<T> y;
};

template <typename T> class VariantLayer {
 public:
  VariantLayer(int cell, std::int64_t I, std::int64_t H, std::int64_t R, std::vector<Maybe<In<T>>> parameters)
      : shape_{static_cast<CellKind>(cell), I, H, R}, held_(std::move(parameters)) {
    if (held_.size() != kParameters) refuse("parameters");
    for (int k = 0; k < kParameters; ++k) at_[k] = pointer(held_[static_cast<std::size_t>(k)], entries(k), kNames[k]);
  }

  std::int64_t packings = 0;  // how often weights were packed

  VariantRun<T> forward(std::optional<std::int64_t> version, std::int64_t T_, std::int64_t N, const In<T>& x, const Maybe<Indices>& lengths,
                        const Maybe<Indices>& order, const Maybe<Indices>& running, bool reverse, const In<T>& h0, const Maybe<In<T>>& c0,
                        const Maybe<In<T>>& mask, const Maybe<In<T>>& masks_h, double rate_h, const Maybe<In<T>>& masks_c, double rate_c,
                        const Out<T>& y, const Out<T>& h_n, const Maybe<Out<T>>& c_n, bool keep) {
    const std::int64_t H = shape_.H, R = shape_.R;
    VariantRun<T> r{packed(version), {}, {}, {}, std::nullopt, {x, h0, c0, mask, masks_h, masks_c}, {lengths, order, running}, y};
    VariantCall<T>& call = r.call;
    call.batch = {T_, N, pointer(lengths, N, "lengths"), pointer(order, N, "order"), pointer(running, T_, "running"), reverse};
    call.I = shape_.I, call.H = H, call.R = R, call.layer_norm = at_[kGainIh];
    const auto& panels = r.packed->forward();
    call.panels_ih = panels.ih, call.panels_hh = panels.hh, call.panels_hr = panels.hr;
    call.bias = at_[kBias], call.bias_hn = at_[kBiasHn], call.gain_ih = at_[kGainIh], call.gain_hh = at_[kGainHh];
    call.gain_c = at_[kGainC], call.shift_c = at_[kShiftC], call.peephole = at_[kPeephole];
    call.x = pointer(x, T_ * N * shape_.I, "x"), call.h0 = pointer(h0, N * R, "h0"), call.c0 = pointer(c0, N * H, "c0");
    call.mask = pointer(mask, N * R, "recurrent_mask");
    call.zoneout_h = {masks_h || rate_h != 0, static_cast<T>(rate_h), pointer(masks_h, T_ * N * R, "zoneout_h")};
    call.zoneout_c = {masks_c || rate_c != 0, static_cast<T>(rate_c), pointer(masks_c, T_ * N * H, "zoneout_c")};
    call.y = pointer(y, T_ * N * R, "y"), call.h = pointer(h_n, N * R, "h_n"), call.c = pointer(c_n, N * H, "c_n");
    call.keep = keep, call.chunk = forward_chunk(T_, N);
    r.record = variant().record(call);
    if (keep) r.chunks = chunks_of(call.batch);
    const std::int64_t numbers = (keep ? T_ : call.chunk) * N * r.record.size;
    r.records.emplace(numbers), call.records = r.records->get();
    const double flops = 2.0 * static_cast<double>(T_ * N) * multiplied();
    const int size = team(flops, N);
    const Block<T> scratch(variant().forward_scratch(call, size));
    call.scratch = scratch.get();
    std::copy_n(call.h0, N * R, call.h);
    if (call.c0) std::copy_n(call.c0, N * H, call.c);
    run(flops, [&](Team* t, int rank, int of) {
      if (keep && lengths) {  // padding in what is kept is 0
        std::fill(call.records + numbers * rank / of, call.records + numbers * (rank + 1) / of, T(0));
        if (!team_barrier(t)) return;
      }
      variant().forward(call, t, rank, of);
    }, size);
    if (!keep) r.records.reset(), call.records = nullptr;
    return r;
  }

  void backward(const VariantRun<T>& r, const Maybe<In<T>>& dy, const Maybe<In<T>>& dh_n, const Maybe<In<T>>& dc_n,
                const std::vector<Maybe<Out<T>>>& gradients, const Maybe<Out<T>>& dx, const Out<T>& dh0, const Maybe<Out<T>>& dc0) {
    const std::int64_t H = shape_.H, R = shape_.R, T_ = r.call.batch.steps, N = r.call.batch.size;
    if (!r.records || gradients.size() != kParameters) refuse("gradients");
    VariantBackCall<T> call{};
    call.forward = r.call;
    {
      nb::gil_scoped_release release;
      const auto& panels = r.packed->backward();
      call.panels_ih = panels.ih, call.panels_hh = panels.hh, call.panels_hr = panels.hr;
    }
    const T* dh_last = pointer(dh_n, N * R, "dh_n");
    const T* dc_last = pointer(dc_n, N * H, "dc_n");
    call.dy = pointer(dy, T_ * N * R, "dy"), call.dx = pointer(dx, T_ * N * shape_.I, "dx");
    call.dh = pointer(dh0, N * R, "dh0"), call.dc = pointer(dc0, N * H, "dc0");
    T** const to[kParameters] = {&call.dweight_ih, &call.dweight_hh, &call.dbias, &call.dbias_hn, &call.dgain_ih,
                                 &call.dgain_hh, &call.dgain_c, &call.dshift_c, &call.dpeephole, &call.dweight_hr};
    for (int k = 0; k < kParameters; ++k) *to[k] = at_[k] ? pointer(gradients[static_cast<std::size_t>(k)], entries(k), kNames[k]) : nullptr;
    call.chunk_starts = r.chunks.starts.data(), call.chunks = static_cast<std::int64_t>(r.chunks.starts.size());
    call.chunk_rows = r.chunks.rows;
    if (dh_last) std::copy_n(dh_last, N * R, call.dh);
    else std::fill_n(call.dh, N * R, T(0));
    if (call.dc && dc_last) std::copy_n(dc_last, N * H, call.dc);
    else if (call.dc) std::fill_n(call.dc, N * H, T(0));
    const double flops = 4.0 * static_cast<double>(T_ * N) * multiplied();
    const int size = team(flops, N);
    const Block<T> scratch(variant().backward_scratch(call, size));
    call.scratch = scratch.get();
    run(flops, [&](Team* t, int rank, int of) { variant().backward(call, t, rank, of); }, size);
  }

 private:
  static constexpr const char* kNames[kParameters] = {"weight_ih", "weight_hh", "bias",    "bias_hn",  "gain_ih",
                                                      "gain_hh",   "gain_c",    "shift_c", "peephole", "weight_hr"};

  const Variant<T>& variant() const { return kernels<T>().variants[shape_.cell]; }
  std::int64_t rows() const { return kernels<T>().cells[shape_.cell].gates * shape_.H; }
  std::int64_t entries(int parameter) const {
    const std::int64_t H = shape_.H;
    const std::int64_t of[kParameters] = {rows() * shape_.I, rows() * shape_.R, rows(), H, rows(), rows(), H, H, 3 * H, shape_.R * H};
    return of[parameter];
  }
  // numbers of the weights that one step meets
  double multiplied() const {
    return static_cast<double>(rows() * (shape_.I + shape_.R) + (at_[kWeightHr] ? shape_.R * shape_.H : 0));
  }
  // Each thread has sequences of its own.
  static int team(double flops, std::int64_t N) {
    return flops < 1e5 ? 1 : static_cast<int>(std::clamp<std::int64_t>(team_worth(flops), 1, std::max<std::int64_t>(N, 1)));
  }

  // The packed weights of a version of the parameters; those of an older one live on in the runs that hold them.
  std::shared_ptr<PackedVariant<T>> packed(std::optional<std::int64_t> version) {
    if (packed_ && version && version_ == version) return packed_;
    std::shared_ptr<PackedVariant<T>> fresh;
    {
      nb::gil_scoped_release release;
      fresh = std::make_shared<PackedVariant<T>>(shape_, at_, kernels<T>());
    }
    ++packings;
    if (version) packed_ = fresh, version_ = version;
    return fresh;
  }

  VariantShape shape_;
  std::vector<Maybe<In<T>>> held_;
  const T* at_[kParameters];
  std::shared_ptr<PackedVariant<T>> packed_;
  std::optional<std::int64_t> version_;
};

template <typename T> void bind(nb::module_& m) {
  using Run = VariantRun<T>;
  constexpr bool is_float = sizeof(T) == 4;
  nb::class_<Run>(m, is_float ? "VariantRun32" : "VariantRun64")
      // What the steps keep, as a view (T, N, record), and where in a record: gates, c. None where nothing was kept.
      .def("kept", [](nb::handle self) -> nb::object {
        const Run& r = nb::cast<const Run&>(self);
        if (!r.records) return nb::none();
        const auto T_ = static_cast<std::size_t>(r.call.batch.steps), N = static_cast<std::size_t>(r.call.batch.size);
        using View = nb::ndarray<nb::numpy, T>;
        const View view(r.call.records, {T_, N, static_cast<std::size_t>(r.record.size)}, self);
        return nb::make_tuple(view, r.record.gates, r.record.c);
      });
  nb::class_<VariantLayer<T>>(m, is_float ? "Variant32" : "Variant64")
      .def(nb::init<int, std::int64_t, std::int64_t, std::int64_t, std::vector<Maybe<In<T>>>>(), "cell"_a, "I"_a, "H"_a, "R"_a, "parameters"_a)
      .def("forward", &VariantLayer<T>::forward, nb::keep_alive<0, 1>(), "version"_a.none(), "T"_a, "N"_a, "x"_a, "lengths"_a.none(),
           "order"_a.none(), "running"_a.none(), "reverse"_a, "h0"_a, "c0"_a.none(), "mask"_a.none(), "masks_h"_a.none(), "rate_h"_a,
           "masks_c"_a.none(), "rate_c"_a, "y"_a, "h_n"_a, "c_n"_a.none(), "keep"_a)
      .def("backward", &VariantLayer<T>::backward, "run"_a, "dy"_a.none(), "dh_n"_a.none(), "dc_n"_a.none(), "gradients"_a, "dx"_a.none(),
           "dh0"_a, "dc0"_a.none())
      .def_ro("packings", &VariantLayer<T>::packings);
}

}  // namespace

void bind_variants(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace unrolled
