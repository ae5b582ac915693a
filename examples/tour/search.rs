//! The service: its contract, and a library that keeps it. Knows nothing of processes and addresses.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use traitwire::{ipc_service, ipc_type};

/// Search in the text files below some directories.
#[ipc_service]
pub(crate) trait Search {
    /// Reads the text files below a directory; a root indexed before is read anew.
    #[ipc(spawn, idempotent)]
    async fn index(&self, root: &str) -> Result<IndexStats, SearchError>;
    /// The first lines that hold all words of the query, by path and line.
    async fn search(&self, query: &str) -> Vec<Hit>;
    /// A document's bytes, by the path that a hit names.
    async fn read(&self, path: &str) -> Result<Vec<u8>, SearchError>;
    /// How many documents hold a word.
    async fn count(&self, word: &str) -> u32;
}

/// What indexing a directory has found.
#[ipc_type]
pub(crate) struct IndexStats {
    pub(crate) documents: u32,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// Different words.
    pub(crate) words: u64,
}

/// One line that answers a query.
#[ipc_type]
pub(crate) struct Hit {
    /// Relative to its root.
    pub(crate) path: String,
    /// Counted from one.
    pub(crate) line: u32,
    pub(crate) excerpt: String,
}

/// Why there is no answer.
#[ipc_type]
pub(crate) enum SearchError {
    /// No root has this document.
    NoDocument(String),
    /// The path leads out of every root.
    OutsideRoot(String),
    /// The operating system says no.
    Unreadable { path: String, reason: String },
}

/// Documents larger than this are not for reading.
const MAX_DOCUMENT: u64 = 4 << 20;
const MAX_HITS: usize = 20;
const MAX_EXCERPT: usize = 90;

/// An inverted index over the text files below some roots.
#[derive(Default)]
pub(crate) struct Library {
    shelves: RwLock<BTreeMap<PathBuf, Shelf>>,
}

/// What is known of one root.
#[derive(Default)]
struct Shelf {
    documents: Vec<Document>,
    /// Where each word is: document and line, ascending.
    places: HashMap<String, Vec<(usize, usize)>>,
}

struct Document {
    path: String,
    lines: Vec<String>,
    bytes: u64,
}

impl Search for Library {
    async fn index(&self, root: &str) -> Result<IndexStats, SearchError> {
        let unreadable = |error: io::Error| unreadable(root, &error);
        let root = Path::new(root).canonicalize().map_err(unreadable)?;
        let shelf = Shelf::fill(&root).map_err(unreadable)?;
        let stats = shelf.stats();
        self.shelves.write().unwrap_or_else(PoisonError::into_inner).insert(root, shelf);
        Ok(stats)
    }

    async fn search(&self, query: &str) -> Vec<Hit> {
        let query: Vec<String> = words(query).collect();
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let mut hits: Vec<Hit> = shelves.values().flat_map(|shelf| shelf.hits(&query)).collect();
        hits.truncate(MAX_HITS);
        hits
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, SearchError> {
        let file = self.find(path)?;
        tokio::fs::read(file).await.map_err(|error| unreadable(path, &error))
    }

    async fn count(&self, word: &str) -> u32 {
        let word = word.to_lowercase();
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let places = shelves.values().filter_map(|shelf| shelf.places.get(&word));
        places.map(|places| places.iter().map(|(at, _)| at).collect::<HashSet<_>>().len() as u32).sum()
    }
}

impl Library {
    /// The file behind a document's path: below a root, also after all links are followed.
    fn find(&self, path: &str) -> Result<PathBuf, SearchError> {
        let outside = || SearchError::OutsideRoot(path.to_owned());
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(outside());
        }
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let root = shelves.iter().find(|(_, shelf)| shelf.documents.iter().any(|known| known.path == path));
        let (root, _) = root.ok_or_else(|| SearchError::NoDocument(path.to_owned()))?;
        let file = root.join(path).canonicalize().map_err(|error| unreadable(path, &error))?;
        if file.starts_with(root) { Ok(file) } else { Err(outside()) }
    }
}

impl Shelf {
    fn fill(root: &Path) -> io::Result<Self> {
        let mut shelf = Self::default();
        let mut files = Vec::new();
        collect(root, &mut files)?;
        files.sort();
        for file in files {
            let Some((path, text)) = document(root, &file) else { continue };
            let number = shelf.documents.len();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (at, line) in lines.iter().enumerate() {
                for word in words(line) {
                    let places = shelf.places.entry(word).or_default();
                    if places.last() != Some(&(number, at)) {
                        places.push((number, at));
                    }
                }
            }
            shelf.documents.push(Document { path, lines, bytes: text.len() as u64 });
        }
        Ok(shelf)
    }

    fn stats(&self) -> IndexStats {
        IndexStats {
            documents: self.documents.len() as u32,
            lines: self.documents.iter().map(|document| document.lines.len() as u64).sum(),
            bytes: self.documents.iter().map(|document| document.bytes).sum(),
            words: self.places.len() as u64,
        }
    }

    fn hits(&self, query: &[String]) -> Vec<Hit> {
        let mut places = query.iter().map(|word| self.places.get(word).map_or(&[][..], Vec::as_slice));
        let Some(first) = places.next() else { return Vec::new() };
        let others: Vec<&[(usize, usize)]> = places.collect();
        let in_all = |place: &&(usize, usize)| others.iter().all(|other| other.binary_search(place).is_ok());
        let hit = |&(number, at): &(usize, usize)| Hit {
            path: self.documents[number].path.clone(),
            line: at as u32 + 1,
            excerpt: self.documents[number].lines[at].trim().chars().take(MAX_EXCERPT).collect(),
        };
        first.iter().filter(in_all).take(MAX_HITS).map(hit).collect()
    }
}

/// All files below a directory but hidden ones and what a build has left; links are not followed.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() && entry.file_name() != "target" && !path.join("CACHEDIR.TAG").exists() {
            collect(&path, files)?;
        }
    }
    Ok(())
}

/// Path and text of a file, if it is text and its name too.
fn document(root: &Path, file: &Path) -> Option<(String, String)> {
    let path = file.strip_prefix(root).ok()?.to_str()?.to_owned();
    let size = fs::metadata(file).ok()?.len();
    let text = if size <= MAX_DOCUMENT { fs::read_to_string(file).ok()? } else { return None };
    Some((path, text))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|char: char| !char.is_alphanumeric() && char != '_');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn unreadable(path: &str, error: &io::Error) -> SearchError {
    SearchError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}
