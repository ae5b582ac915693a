//! how bytes travel.
