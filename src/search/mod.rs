//! The full-text index: fed by events, rebuilt from nothing.
