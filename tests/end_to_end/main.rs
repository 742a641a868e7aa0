//! The real binary, run as a person or a scraper would.
