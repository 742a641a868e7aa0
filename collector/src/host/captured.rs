//! A host root that is a captured tree: it answers as the kernel answered when it was taken.

use super::log::{self, LogPart};
use super::{Entry, Failure, Piece};
use crate::tree::{Node, Tree, is_relative};
use rustix::io::Errno;

pub(super) fn read(tree: &Tree, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
    match lookup(tree, path)? {
        Node::File(bytes) if bytes.len() > limit => Err(Failure::TooLong),
        Node::File(bytes) => Ok(bytes.clone()),
        Node::Dir => Err(Failure::NotAFile),
        Node::Fails(errno) => Err(Failure::Errno(*errno)),
    }
}

pub(super) fn head(tree: &Tree, path: &str, length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = read(tree, path, usize::MAX)?;
    bytes.truncate(length);
    Ok(bytes)
}

pub(super) fn log(
    tree: &Tree,
    path: &str,
    limit: usize,
    each: &mut dyn FnMut(LogPart<'_>),
) -> Result<(), Failure> {
    log::split(&read(tree, path, limit)?, each);
    Ok(())
}

/// Of a file that is the ends of another, these are the same ends.
pub(super) fn ends(tree: &Tree, path: &str, each: usize) -> Result<Vec<u8>, Failure> {
    let bytes = read(tree, path, usize::MAX)?;
    let last = bytes.len().saturating_sub(each);
    if last <= each {
        return Ok(bytes);
    }
    let (first, last) = (bytes.get(..each), bytes.get(last..));
    Ok([first.unwrap_or_default(), b"\n", last.unwrap_or_default()].concat())
}

pub(super) fn pieces(tree: &Tree, path: &str, pieces: &[Piece]) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = content(tree, path)?;
    Ok(pieces.iter().map(|piece| part(bytes, *piece)).collect())
}

pub(super) fn piece(tree: &Tree, path: &str, piece: Piece) -> Result<Vec<u8>, Failure> {
    Ok(part(content(tree, path)?, piece))
}

/// Bytes of a file.
pub(super) fn length(tree: &Tree, path: &str) -> Result<usize, Failure> {
    Ok(content(tree, path)?.len())
}

fn part(bytes: &[u8], Piece { offset, length }: Piece) -> Vec<u8> {
    let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    rest.get(..length).unwrap_or(rest).to_vec()
}

fn content<'t>(tree: &'t Tree, path: &str) -> Result<&'t [u8], Failure> {
    match lookup(tree, path)? {
        Node::File(bytes) => Ok(bytes),
        Node::Dir => Err(Failure::NotAFile),
        Node::Fails(errno) => Err(Failure::Errno(*errno)),
    }
}

pub(super) fn exists(tree: &Tree, path: &str) -> Result<(), Failure> {
    match lookup(tree, path)? {
        Node::File(_) | Node::Dir => Ok(()),
        Node::Fails(errno) => Err(Failure::Errno(*errno)),
    }
}

pub(super) fn list(
    tree: &Tree,
    path: &str,
    wants: &dyn Fn(&str) -> bool,
) -> Result<Vec<Entry>, Failure> {
    match lookup(tree, path)? {
        Node::Dir => Ok(tree
            .children(path)
            .into_iter()
            .filter(|(name, _)| wants(name))
            .map(|(name, node)| {
                // A directory that could not be listed, but below which something was asked for.
                let listed = || !tree.children(&format!("{path}/{name}")).is_empty();
                let is_dir = *node == Node::Dir || (matches!(node, Node::Fails(_)) && listed());
                Entry { name, is_dir }
            })
            .collect()),
        Node::File(_) => Err(Failure::Errno(Errno::NOTDIR.raw_os_error())),
        Node::Fails(errno) => Err(Failure::Errno(*errno)),
    }
}

fn lookup<'t>(tree: &'t Tree, path: &str) -> Result<&'t Node, Failure> {
    if !is_relative(path) {
        return Err(Failure::Errno(Errno::INVAL.raw_os_error()));
    }
    tree.get(path).ok_or(Failure::Errno(Errno::NOENT.raw_os_error()))
}
