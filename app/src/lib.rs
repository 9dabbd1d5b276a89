//! What Watchbook is.
