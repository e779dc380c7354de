//! What is asked.

use pcl_registry::domain::api::CompletionOf;
use pcl_registry::domain::{DependencyType, Kind, Name, Range};
use pcl_registry::meta::{Filter, Label, Order};
use pcl_registry::resolve::Required;

/// One question, as a use case takes it.
#[derive(Debug)]
pub enum Question {
    /// All pages of a list.
    List {
        filter: Filter,
        order: Order,
        limit: usize,
    },
    Count(Filter),
    /// All pages.
    Labels {
        label: Label,
        limit: usize,
    },
    Complete {
        of: Vec<CompletionOf>,
        prefix: String,
        limit: usize,
    },
    Related {
        name: Name,
        limit: usize,
    },
    /// All pages.
    Dependents {
        name: Name,
        kinds: Vec<DependencyType>,
        limit: usize,
    },
    Dependencies {
        name: Name,
        kinds: Vec<DependencyType>,
        depth: u32,
    },
    Match(Match),
    Versions(Name),
    Resolve {
        name: Name,
        range: Range,
    },
}

/// Who has the skills that are needed.
#[derive(Debug)]
pub struct Match {
    pub required: Vec<Required>,
    pub tags: Vec<String>,
    pub kinds: Vec<Kind>,
    pub limit: usize,
    pub is_team: bool,
}
