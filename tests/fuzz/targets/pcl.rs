//! PCL source: the readers give a finding whatever it is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    if let Some(tree) = pure::tree_of("hello.pcl", source) {
        let _ = pure::pcl::read_tree(&tree, None, None);
        let _ = pure::pcl::discover(tree.files());
    }
});
