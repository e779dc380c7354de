//! `SKILL.md` and agent files: the readers give a finding whatever stands between the dashes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    for path in ["SKILL.md", "agents/reviewer.md"] {
        let framed = [b"---\n", content, b"\n---\n# Title\n"].concat();
        for content in [content, &framed] {
            if let Some(tree) = pure::tree_of(path, content) {
                let _ = pure::pcl::read_tree(&tree, None, None);
            }
        }
    }
});
