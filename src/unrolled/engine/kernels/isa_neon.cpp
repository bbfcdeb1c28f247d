namespace unrolled {
const char* kernel_table_neon() { return "neon"; }
}  // namespace unrolled
