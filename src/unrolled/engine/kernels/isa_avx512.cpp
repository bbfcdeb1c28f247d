namespace unrolled {
const char* kernel_table_avx512() { return "avx512"; }
}  // namespace unrolled
