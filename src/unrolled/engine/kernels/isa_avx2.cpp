namespace unrolled {
const char* kernel_table_avx2() { return "avx2"; }
}  // namespace unrolled
