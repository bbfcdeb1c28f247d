"""Wrong versions of the variants' kernels, each of which the small check must notice; as mutants.py for the others."""

from engine.mutants import Mutant

ROWS, FORWARD, BACKWARD, SUMS = "variant.hpp", "variant_forward.hpp", "variant_backward.hpp", "variant_sums.hpp"

VARIANT_MUTANTS = [
    Mutant(ROWS, "load_lanes(v + k, lanes) - «mean → mean - mean», lanes);", "norms are not centred"),
    Mutant(ROWS, "static_cast<double>(n) + «1e-5 → 1e-3»));", "a norm's variance is far from its own"),
    Mutant(ROWS, "squares = «fma(centred, centred, squares) → squares + centred»;", "a norm by the mean"),
    Mutant(
        ROWS, "sum_norm = fma(dnorm, «load_lanes(norm + k, lanes) → dnorm», sum_norm)", "a norm's way back, squared"
    ),
    Mutant(ROWS, "(dnorm - mean - «along → mean») * broadcast(scale)", "it lacks what goes along the norm"),
    Mutant(ROWS, "(dnorm - mean - along) * «broadcast(scale) → broadcast(T(1))»", "it lacks the scale"),
    Mutant(ROWS, "use(0, Index(0), «2 * H → 3 * H»);", "a GRU's candidate is normalised twice"),
    Mutant(ROWS, "use(1, «2 * H → H», H);", "the update gate is normalised twice"),
    Mutant(ROWS, "load_lanes(zoneout.masks + «at → 0», lanes)", "every step has the first one's masks of zoneout"),
    Mutant(
        FORWARD,
        "return fma(load_lanes(call.gain_ih + «column → unit», lanes), x",
        "all gates have the first one's gains",
    ),
    Mutant(FORWARD, "x, load_lanes(call.bias + «column → unit», lanes));", "all gates have the first one's bias"),
    Mutant(FORWARD, "? load_lanes(call.gain_hh + «column → unit», lanes) * h", "the same of what h brings"),
    Mutant(FORWARD, "row.record[at.scales + kScalesX + «number → 0»] =", "the candidate's scale for the gates'"),
    Mutant(FORWARD, "z_i = «fma(load_lanes(call.peephole + unit, lanes), c_prev, z_i) → z_i»;", "(2) does not see c"),
    Mutant(FORWARD, "z_f = fma(load_lanes(call.peephole + «H → 0» + unit, lanes)", "(1) has (2)'s peephole"),
    Mutant(FORWARD, "f = sigmoid(«z_f → z_i»), i = sigmoid(z_i)", "(1) has (2)'s sum"),
    Mutant(FORWARD, "g = «tanh(z(2, unit, lanes)) → sigmoid(z(2, unit, lanes))»;", "(3) has another function"),
    Mutant(FORWARD, "store_lanes(c_new + unit, fma(f, c_prev, «i * g → g»), lanes);", "(4) without the update gate"),
    Mutant(FORWARD, "lanes), «made → c_prev», z_o)", "(5) sees c one step too early"),
    Mutant(
        FORWARD,
        "inner = fma(load_lanes(call.gain_c + unit, lanes), «load_lanes(c_norm + unit, lanes) → made»",
        "c as it is",
    ),
    Mutant(FORWARD, "«row.record[at.scales + kScaleC] = normalise(c_norm, H); → »", "no norm of c"),
    Mutant(FORWARD, "o * «tanh(inner) → tanh(made)», lanes);", "(6) without the norm of c"),
    Mutant(FORWARD, "row.row * H + unit, lanes), «c_prev - made → made - c_prev», made)", "zoneout of c turned round"),
    Mutant(FORWARD, "store_lanes(c + unit, «left → made», lanes);", "zoneout of c is forgotten by the next step"),
    Mutant(FORWARD, "(Phase::is_last(G) ? row.h_prev : «row.h_masked → row.h_prev»)", "the reset state is not masked"),
    Mutant(FORWARD, "(Phase::is_last(G) ? «row.h_prev → row.h_masked» : row.h_masked)", "h is mixed with a masked one"),
    Mutant(
        FORWARD, "if (!Cell::has_carry) u.kept[0] = «u.h_new → u.x[0]»;", "the way back gets the sum, not the state"
    ),
    Mutant(FORWARD, "call.panels_hh + «P::size(first_G * H, R) → 0»;", "the candidate has the reset gate's weights"),
    Mutant(
        FORWARD,
        "load_lanes(row.h_prev + unit, lanes) - «h → load_lanes(row.h_prev + unit, lanes)», h)",
        "no zoneout of h",
    ),
    Mutant(
        FORWARD,
        "h, lanes), store_lanes(call.h + «row.n → 0» * R + unit",
        "all sequences leave their state in one place",
    ),
    Mutant(
        FORWARD, "lanes) * load_lanes(call.mask + «n → 0» * R + unit, lanes), lanes);", "all have the first one's mask"
    ),
    Mutant(BACKWARD, "if (call.dy) «all = all + load_lanes(call.dy + row.row * R + unit, lanes); → »", "dy is lost"),
    Mutant(BACKWARD, "store_lanes(dmade + unit, «all - stays → all», lanes)", "what h kept is given twice"),
    Mutant(BACKWARD, "store_lanes(dh + unit, «stays → all», lanes);", "and here"),
    Mutant(BACKWARD, "dout * «squashed → o» * o * (one - o), lanes);", "(7) with another factor"),
    Mutant(BACKWARD, "dout * squashed * o * «(one - o) → (one + o)», lanes);", "(7) with the sigmoid's slope wrong"),
    Mutant(
        BACKWARD, "dout * o * «(one - squashed * squashed) → (one - squashed)», lanes);", "dc with tanh's slope wrong"
    ),
    Mutant(
        BACKWARD, "if (f.panels_hr) store_lanes(row.gradients + at.u + unit, «o * squashed → o», lanes)", "dW_hr of o"
    ),
    Mutant(
        BACKWARD, "H, row.dc_new), «dc_new = row.dc_new → dc_new = dinner»;", "dc does not go back through its norm"
    ),
    Mutant(BACKWARD, "stays = carried * «staying(f.zoneout_c, row.row * H + unit, lanes) → one»;", "all of c stays"),
    Mutant(BACKWARD, "load_lanes(dc_new + unit, lanes) + «(carried - stays) → carried»;", "what c kept is given twice"),
    Mutant(BACKWARD, "dmade = fma(load_lanes(f.peephole + «2 * H → 0» + unit, lanes)", "dc by another peephole"),
    Mutant(BACKWARD, "dz_g = dmade * i * «(one - g * g) → (one - g)»;", "(8) with the sigmoid's slope for tanh's"),
    Mutant(BACKWARD, "dz_i = dmade * «g → i» * i * (one - i);", "(9) with another factor"),
    Mutant(BACKWARD, "dz_f = dmade * «c_prev → carried» * f_ * (one - f_);", "(10) of a gradient"),
    Mutant(BACKWARD, "dc_prev = fma(dmade, f_, «stays → broadcast(T(0))»);", "(20) loses what c kept"),
    Mutant(
        BACKWARD, "dc_prev = «fma(load_lanes(f.peephole + unit, lanes), dz_i, dc_prev) → dc_prev»;", "dc not by (9)"
    ),
    Mutant(BACKWARD, "H + unit, lanes), «dz_f → dz_i», dc_prev);", "dc by (9) twice, not by (10)"),
    Mutant(
        BACKWARD, "«row.h_prev → masked(call, at, row)» : masked(call, at, row)) + unit", "z's gradient of a masked h"
    ),
    Mutant(BACKWARD, "row.h_prev : «masked(call, at, row) → row.h_prev») + unit", "r's gradient of an unmasked h"),
    Mutant(
        BACKWARD, "store_lanes(dq + 2 * H + unit, «u.dz[3] → u.dz[2]», lanes);", "the candidate's product is not reset"
    ),
    Mutant(
        BACKWARD,
        "load_lanes(dh + unit, lanes) + «u.carry → broadcast(T(0))» : u.carry",
        "what passes the gates is lost",
    ),
    Mutant(BACKWARD, "scales[«kScalesH → kScalesX»], count, own + at.dh + first);", "h by x's scale"),
    Mutant(BACKWARD, "normalise_back(own + «at.dq → at.dz» + first, f.gain_hh", "h's way back lacks the reset"),
    Mutant(BACKWARD, "call.panels_hh + «P::size(R, first_G * H) → 0», R", "ds by the reset gate's weights"),
    Mutant(
        BACKWARD,
        "more = more * «load_lanes(call.forward.mask + row.n * R + unit, lanes) → broadcast(T(1))»;",
        "no mask",
    ),
    Mutant(
        SUMS, "fma(a, load_lanes(row.b + m, lanes), «before → broadcast(T(0))»)", "a gain's sum has only the last row"
    ),
    Mutant(SUMS, "return f.x + «row_of(f.batch, p.s, p.n) → p.n» * I; }", "every step's x is the first one's"),
    Mutant(SUMS, "return call.forward.mask ? gradients(p) + at.h : «h_prev(p) → call.forward.h0»;", "dW_hh of one h0"),
    Mutant(
        SUMS, "call.forward.mask ? gradients(p) + «at.h → at.h - call.forward.R» : h_prev(p)", "dW_hh of something else"
    ),
    Mutant(SUMS, "return p.s ? record(«p.s - 1 → p.s», p.n) + kept.c", "c_prev is c"),
    Mutant(SUMS, "s.record(place.s, place.n) + s.kept.gates + «Phase::source * H → 0»;", "dW of the candidate by r"),
    Mutant(SUMS, "add(H, call.dbias_hn, gradient(s.at.dq, «2 * H → H»));", "a bias' gradient is the update gate's"),
    Mutant(SUMS, "with_record(«s.at.dz → s.at.dx», s.kept.x)", "a gain's gradient of what comes before the norm"),
    Mutant(SUMS, "with_record(«s.at.dq → s.at.dz», s.kept.h)", "the candidate's gain is not reset"),
    Mutant(SUMS, "add(H, call.dgain_c, with_record(s.at.dinner, «s.kept.c_norm → s.kept.c_new»));", "dgain of c"),
    Mutant(SUMS, "with_c_prev(s.at.dz + «H → 0»)", "the forget gate's peephole has the update gate's gradient"),
    Mutant(
        SUMS,
        "with_record(s.at.dz + 3 * H, «s.kept.c_new → s.kept.c»)",
        "the output gate's peephole sees c after zoneout",
    ),
    Mutant(SUMS, "s.call.dx + «row_of(f.batch, p.s, p.n) → p.n» * f.I", "every step's dx in the first one's place"),
    Mutant(SUMS, "adds = «chunk.s1 < f.batch.steps → false»;", "a chunk forgets those before"),
    Mutant(SUMS, "const Place p{s, n, j, «before + j → j»};", "all steps share their rows of gradients"),
]
