//! Tables, agents in JSON and YAML, and the older registry's file: everything that an import looks at by name.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    for path in ["prompts.csv", "agent.json", "agent.yaml", "registry.json", "notes.txt"] {
        if let Some(tree) = pure::tree_of(path, content) {
            let _ = pure::pcl::discover(tree.files());
            let _ = pure::pcl::read_tree(&tree, None, None);
        }
    }
});
