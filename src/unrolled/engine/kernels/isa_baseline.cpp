namespace unrolled {
const char* kernel_table_baseline() { return "baseline"; }
}  // namespace unrolled
