//! How Watchbook runs.
