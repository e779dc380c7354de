//! The program: reads its arguments and hands over to the library.
fn main() {}
