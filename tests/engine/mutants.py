"""Wrong versions of the kernels, each of which the small check must notice; a table, which changes no source.

`text` stands once in its file under `engine/kernels`, its right part and the wrong one marked: `a + «b → c» * d`. A
right part that ends with a semicolon is a statement, another one an expression. Every mutant is built and run, so none
computes what the kernels compute: one that did would pass the small check, and the test would name it. `breaks` says
what goes wrong. Left out are texts that only choose who computes what when, or how much is held at once.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One wrong version."""

    file: str
    text: str
    breaks: str


MUTANTS = [
    Mutant("lstm.hpp", "f = sigmoid(«u.x[1] → u.x[0]» + u.h[1])", "the forget gate has the update gate's input"),
    Mutant(
        "lstm.hpp", "i = sigmoid(u.x[0] + «u.h[0] → u.h[1]»)", "the update gate has the forget gate's recurrent part"
    ),
    Mutant("lstm.hpp", "g = «tanh(u.x[2] + u.h[2]) → sigmoid(u.x[2] + u.h[2])»;", "the candidate has another function"),
    Mutant("lstm.hpp", "u.c = «fma(f, u.c_prev, i * g) → fma(i, u.c_prev, f * g)»;", "the gates change places"),
    Mutant("lstm.hpp", "o = sigmoid(«u.x[3] + u.h[3] → u.x[3]»)", "the output gate forgets h"),
    Mutant("lstm.hpp", "u.h_new = o * «tanh(u.c) → u.c»;", "h is not squashed"),
    Mutant("lstm.hpp", "u.kept[1] = «f → i», u.kept[2]", "the trace and the way back get another gate"),
    Mutant("lstm.hpp", "u.dz[3] = u.dh * «tanh_c → u.c» * o", "(7) with c for tanh(c)"),
    Mutant("lstm.hpp", "tanh_c * o * «(one - o) → (one + o)»;", "(7) with the sigmoid's slope wrong"),
    Mutant(
        "lstm.hpp", "u.dh * o, «one - tanh_c * tanh_c → one + tanh_c * tanh_c», u.carry", "dc with tanh's slope wrong"
    ),
    Mutant("lstm.hpp", "one - tanh_c * tanh_c, «u.carry → broadcast(T(0))»)", "dc forgets the step after"),
    Mutant("lstm.hpp", "u.dz[2] = dc * i * «(one - g * g) → (one - g)»;", "(8) with the sigmoid's slope for tanh's"),
    Mutant("lstm.hpp", "u.dz[0] = dc * «g → o» * i", "(9) with another gate"),
    Mutant("lstm.hpp", "u.dz[1] = dc * «u.c_prev → u.c» * f", "(10) one step off"),
    Mutant("lstm.hpp", "u.c_prev * f * «(one - f) → f»;", "(10) with the sigmoid's slope wrong"),
    Mutant("lstm.hpp", "u.carry = «dc * f → dc»;", "(20) without the forget gate"),
    Mutant(
        "gru.hpp", "r = sigmoid(«u.x[0] + u.h[0] → u.x[1] + u.h[0]»);", "the reset gate has the update gate's input"
    ),
    Mutant("gru.hpp", "q = «u.h[2] + u.bias_hn → u.h[2]»;", "the recurrent bias is left out"),
    Mutant("gru.hpp", "n = tanh(«fma(r, q, u.x[2]) → q + u.x[2]»)", "nothing is reset"),
    Mutant("gru.hpp", "fma(z, «h_prev - n → h_prev», n)", "h is no mean of the old and the new"),
    Mutant("gru.hpp", "dh = «u.dh + u.carry → u.dh»;", "what passes the gates is lost"),
    Mutant(
        "gru.hpp",
        "u.dz[1] = dh * «(u.h_prev - n) → (n - u.h_prev)»",
        "the update gate's gradient has the course's sense",
    ),
    Mutant("gru.hpp", "u.carry = «dh * z → dh * (one - z)»;", "the wrong part passes the gates"),
    Mutant("gru.hpp", "u.dz[2] = dh * «(one - z) → z» * (one - n * n)", "the candidate gets the old state's part"),
    Mutant("gru.hpp", "u.dz[0] = u.dz[2] * «q → u.kept[2]» * r", "the reset gate's gradient has another factor"),
    Mutant("gru.hpp", "u.dz[3] = «u.dz[2] * r → u.dz[2]»;", "the recurrent product's gradient is not reset"),
    Mutant("gru.hpp", "«sigmoid(u.x[0] + u.h[0]) → sigmoid(u.x[0])», z", "the reset gate before the product forgets h"),
    Mutant("gru.hpp", "u.h[0]), z = sigmoid(«u.x[1] → u.x[0]» + u.h[1])", "and the update gate has its input"),
    Mutant("gru.hpp", "s = «r * u.h_prev → u.h_prev»;", "nothing is reset before the product"),
    Mutant("gru.hpp", "u.kept[3] = «s → r»;", "the product takes the reset gate itself"),
    Mutant("gru.hpp", "n = tanh(«u.x[0] + u.h[0] → u.h[0]»)", "the candidate forgets x"),
    Mutant("gru.hpp", "u.dz[0] = u.ds * «u.h_prev → r» * r", "the reset gate's gradient lacks what it resets"),
    Mutant("gru.hpp", "u.ds * u.h_prev * r * «(broadcast(T(1)) - r) → r»", "and has the sigmoid's slope wrong"),
    Mutant("gru.hpp", "u.carry = «fma(u.ds, r, u.carry) → u.carry»;", "what passes the reset gate is lost"),
    Mutant("rnn.hpp", "u.h_new = tanh(«u.x[0] + u.h[0] → u.x[0]»)", "the network forgets"),
    Mutant("rnn.hpp", "(broadcast(T(1)) - «u.h * u.h → u.h»)", "(0) with the sigmoid's slope for tanh's"),
    Mutant("rnn.hpp", "select<T>(z.raw < zero.raw, «zero → z», z)", "nothing is clipped"),
    Mutant("rnn.hpp", "select<T>(u.h.raw > zero.raw, «u.dh → u.dh * u.h», zero)", "the slope above zero is not one"),
    Mutant(
        "batch.hpp",
        "b.reverse ? («b.lengths ? b.lengths[n] : b.steps → b.steps») - 1 - s",
        "a reverse starts in the padding",
    ),
    Mutant(
        "batch.hpp", "if (b.order) return {«rank → 0», size, b.size", "every thread takes the first one's sequences"
    ),
    Mutant("batch.hpp", "«while (rows-- > 0) next(); → while (--rows > 0) next();»", "a thread's dx is one row off"),
    Mutant(
        "forward.hpp",
        "packed + «Panels<T, Phase::first_gate>::size(units, depth) → 0»;",
        "a later phase has the first one's weights",
    ),
    Mutant("forward.hpp", "rows[r].gates + «Phase::source * H → 0»;", "a later phase takes another slot's rows"),
    Mutant("forward.hpp", "to(p) + «first → 0»};", "a later phase's input products in the first one's place"),
    Mutant("forward.hpp", "call.bias + «first → 0», call.keep_gates);", "a later phase has the first one's bias"),
    Mutant("forward.hpp", "return «p.s → p.s > 1» ? call.y", "the second step starts from h0 again"),
    Mutant("forward.hpp", "call.h0 + «p.n * call.H → 0»", "all sequences start from the first one's h0"),
    Mutant(
        "forward.hpp",
        "u.x[k] = load_lanes(rows[r].pre + «(Phase::first_gate + k) * H → 0» + unit, lanes)",
        "all gates have the first one's input",
    ),
    Mutant(
        "forward.hpp",
        "u.h[k] = load(sums.at + (r * NV + «v * Phase::gates + k → k») * W)",
        "all vectors of a panel have the first one's sums",
    ),
    Mutant(
        "forward.hpp", "u.bias_hn = load_lanes(«call.bias_hn + unit → call.bias_hn», lanes)", "a bias of other units"
    ),
    Mutant("forward.hpp", "u.c_prev = load_lanes(rows[r].c_prev + «unit → 0», lanes)", "a cell state of other units"),
    Mutant(
        "forward.hpp",
        "store_lanes(rows[r].gates + «k * H → 0» + unit, u.kept[k], lanes)",
        "kept gates overwrite each other",
    ),
    Mutant(
        "forward.hpp", "call.x + «row_of(call.batch, p.s, p.n) → p.j» * call.I", "every step has the first one's input"
    ),
    Mutant("forward.hpp", ": «(p.s - s0) * N + p.j → (p.s - s0) * N») * slots", "all sequences share one row of gates"),
    Mutant("forward.hpp", "«s → s + 1» == call.chunk_starts[checkpoint]", "no checkpoint of the cells is saved"),
    Mutant("forward.hpp", "? call.c0 + «n → j» * H", "sequences in their order take the c0 of others"),
    Mutant(
        "forward.hpp", "call.token_table + Index(call.tokens[«row → j»])", "every step looks up the first one's token"
    ),
    Mutant(
        "backward.hpp",
        "goes_on = running_at(f.batch, places[0].s + «1 → 2»)",
        "the last step's gradient is not carried back",
    ),
    Mutant("backward.hpp", "row[r] = dz + «begin * H → 0»;", "the candidate's recurrent gradient is the reset gate's"),
    Mutant(
        "backward.hpp",
        "segment(Recurrent::begin2, Recurrent::end2, «Phase::first_gate + Recurrent::size → 0»",
        "and meets the reset gate's weights",
    ),
    Mutant("backward.hpp", "if («p.j >= goes_on → true» && call.dh_last)", "every step gets the last one's gradient"),
    Mutant(
        "backward.hpp",
        "if (call.dy) «u.dh = u.dh + load_lanes(call.dy + row * call.dy_stride + unit, lanes); → »",
        "dy is lost",
    ),
    Mutant(
        "backward.hpp",
        "if («Cell::has_carry && !Cell::has_cell → false») u.dh = u.dh",
        "dh0 lacks what passes the gates",
    ),
    Mutant("backward.hpp", "if (f.keep_c) return p.s ? f.c + row_of(f.batch, «p.s - 1 → p.s», p.n)", "c_prev is c"),
    Mutant("backward.hpp", "p.s == chunk.s0 ? chunk.c_before + «p.n → p.j» * f.H", "a checkpoint of another sequence"),
    Mutant(
        "backward.hpp",
        "(p.at - «running_at(f.batch, p.s - 1) → running_at(f.batch, p.s)») * f.H",
        "c_prev of another sequence",
    ),
    Mutant(
        "backward.hpp", "load_lanes(«Forward::h_before(f, p) → f.y + row * f.y_stride» + unit, lanes)", "h_prev is h"
    ),
    Mutant(
        "backward.hpp",
        "h_sums(Recurrent::begin2, Recurrent::end2, «Phase::first_gate + Recurrent::size → 0»)",
        "dW of the candidate added to the reset gate's",
    ),
    Mutant(
        "backward.hpp",
        "memcpy(call.dbias_hn, room.sums_h + «H → 0» * room.sums + q",
        "a weight's gradient for the recurrent bias'",
    ),
    Mutant(
        "backward.hpp",
        "«transpose(call.dweight_ih, I, room.sums_x, room.sums, mine); → »",
        "no gradient of the input weights",
    ),
    Mutant(
        "backward.hpp",
        "memcpy(call.dbias + mine.first, room.sums_x + «I → 0» * room.sums + mine.first",
        "a bias' gradient is that of the first input's weights",
    ),
    Mutant(
        "backward.hpp", "call.dx + «row_of(f.batch, p.s, p.n) → p.j» * I", "every step's dx in the first one's place"
    ),
    Mutant(
        "backward.hpp",
        "Index(call.forward.tokens[row_of(batch, «p.s → 0», p.n)])",
        "every step's gradient to the first one's token",
    ),
    Mutant("backward.hpp", "chunk.s0 ? f.checkpoints + «k → 0» * N * H", "every chunk starts from the last checkpoint"),
    Mutant(
        "backward.hpp", "s + 1 == chunk.s1 ? «room.dz_after → room.zeros»", "nothing is carried from chunk to chunk"
    ),
    Mutant("products.hpp", "call.row[r] = row.a + «k0 → 0», c[r]", "every slice has the first one's inputs"),
    Mutant("products.hpp", "call.adds = «k0 || bias → bias != nullptr»;", "a slice forgets those before"),
    Mutant(
        "products.hpp",
        "load_lanes((bias ? bias : c[r]) + «at.first → 0», at.lanes)",
        "all columns start from the first ones",
    ),
    Mutant(
        "products.hpp",
        "c + «g0 → 0» * c_stride + block.c0, c_stride, adds",
        "every group of rows in the first one's place",
    ),
    Mutant(
        "products.hpp",
        "pack_columns(room, walk(), rows, «g0 → 0», columns, ones);",
        "every group of rows has the first one's inputs",
    ),
    Mutant(
        "products.hpp",
        "call.depth = rows, call.adds = «adds → false»;",
        "a chunk forgets those before",
    ),
    Mutant("products.hpp", "to[r] = c + «(m + r) → r» * c_stride;", "every tile's rows in the first one's place"),
    Mutant(
        "products.hpp",
        "panel, units, «k0 ? nullptr : bias → bias», c, fresh && !k0);",
        "a slice starts from the bias again",
    ),
    Mutant("products.hpp", "call.b = b + «panel.unit0 → 0», call.b_step", "every panel of B is its first"),
    Mutant("products.hpp", "columns, b + «block.b0 → 0», b_stride", "the candidate's sums are the reset gate's"),
    Mutant("products.hpp", "r < real ? rows[k][first + r] : «T(1) → T(0)»", "a bias has no gradient"),
    Mutant("products.hpp", "T* to = packed + «m * depth → 0» + k0 * height;", "packed tiles overwrite each other"),
    Mutant("products.hpp", "to[m * columns + k] = from[«k * from_stride + m → m»];", "every column is the first one"),
    Mutant(
        "products.hpp", "total = «load_lanes(sum + m, lanes) → broadcast(T(0))»;", "a bias' sum forgets earlier chunks"
    ),
    Mutant("products.hpp", "for (Index k = «0 → 1»; k < rows; ++k) total", "a bias' sum lacks the first row"),
    Mutant("tile.hpp", "return {«v % G * units → 0» + unit, least", "all gates have the first one's weights"),
    Mutant("tile.hpp", "panel.unit0 + «v / G * width → 0»;", "all vectors of a panel are its first"),
    Mutant("tile.hpp", "const Index step = pass % 2 ? «-1 → 0» : 1;", "odd passes take the last panel again and again"),
    Mutant(
        "tile.hpp", "P::at(B.numbers, panel, B_depth)) + «k0 → 0» * b_step", "every slice has the first one's weights"
    ),
    Mutant("tile.hpp", "(B.line ? B.numbers + «panel.unit0 → 0» :", "weights as they lie: every panel is the first"),
    Mutant(
        "backward.hpp",
        "{call.panels_hh, call.as_they_lie ? «H → f.I» : 0}",
        "weights as they lie: their rows are as long as weight_ih's",
    ),
    Mutant(
        "tile.hpp", "load_lanes(from + «k → 0» * depth_stride, at.lanes)", "the way back packs the first row for all"
    ),
    Mutant(
        "tile.hpp", "acc[r][v] = fma(«row[r] → row[0]», w, acc[r][v])", "all rows of a tile have the first one's inputs"
    ),
    Mutant("tile.hpp", "first += «r → height»;", "tiles overlap, and the last rows are left out"),
    Mutant(
        "tile.hpp",
        "«count * (rank + 1) / size → count * (rank + 1) / size - (rank + 1 < size)»};",
        "a gap between threads",
    ),
    Mutant(
        "activations.hpp",
        "r = «fma(m.n, broadcast(-C::ln2_low), high) → high»;",
        "the reduced argument is short of digits",
    ),
    Mutant("activations.hpp", "r = «fma(m.n, broadcast(C::ln2_low), r) → r»;", "and so is the sigmoid's"),
    Mutant(
        "activations.hpp", "q = fma(q, r, broadcast(C::coefficient[«k → 0»]))", "the polynomial has other coefficients"
    ),
    Mutant("activations.hpp", "{ return «fma(r * r, expm1_rest(r), r) → r»; }", "no polynomial at all"),
    Mutant(
        "activations.hpp", "larger = «one + times_power_of_two(one, m) → one»", "the sigmoid is never above one half"
    ),
    Mutant(
        "activations.hpp",
        "return «times_power_of_two(divide(one, denominator, e - (denominator - larger), one / denominator), m)"
        " → one / denominator»;",
        "nor below",
    ),
    Mutant("activations.hpp", "negative(x) * broadcast(«T(2) → T(1)»)", "tanh of half the argument"),
    Mutant(
        "activations.hpp",
        "return «copy_sign(divide(m, denominator, m - (denominator - two), reciprocal), x) → -m / denominator»;",
        "tanh is even",
    ),
    Mutant("activations.hpp", "e.expm1_r, «scale - broadcast(T(1)) → scale»)", "e^-2x for e^-2x - 1"),
    Mutant("kernels.hpp", "highest = «z[k] > highest → false» ? z[k]", "the softmax overflows"),
    Mutant(
        "kernels.hpp", "sums + («lanes < W ? load_n(p + k, lanes) : e → e»)", "lanes beyond the last class are counted"
    ),
    Mutant("kernels.hpp", "«p[targets[row]] -= T(1); → »", "the softmax's gradient forgets the target"),
    Mutant(
        "kernels.hpp",
        "log(static_cast<double>(sum)) + («static_cast<double>(highest) → 0.0» -",
        "the loss is off by the highest logit",
    ),
    Mutant(
        "kernels.hpp",
        "EvenRows<T>{p.a + «first → first - rows.first» * p.a_stride",
        "every thread multiplies the first one's rows",
    ),
    Mutant("kernels.hpp", "*b = p.b + «k0 → 0» * p.n;", "every chunk has the first one's rows of B"),
    Mutant("kernels.hpp", "*a = p.a + «k0 → 0» * p.m, *b", "every chunk has the first one's rows of A"),
]
