//! Pieces on pages.

use super::piece::Piece;
use std::rc::Rc;

/// A piece on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Placed {
    /// Number of the piece, and where its top is.
    Piece(usize, f32),
    /// Something that is drawn again.
    Repeated(Rc<Piece>, f32),
}

/// Which pieces are on which page. Pieces that keep the next one go to a page together, if they fit
/// into one at all.
pub(super) fn pages(pieces: &[Piece], body_height: f32) -> Vec<Vec<Placed>> {
    let mut pages = Vec::new();
    let mut page: Vec<Placed> = Vec::new();
    let mut y = 0.0;
    let mut kept_until = 0;
    for (at, piece) in pieces.iter().enumerate() {
        let mut breaks = piece.begins_page;
        if at >= kept_until {
            let group = pieces.get(at..).unwrap_or_default();
            let length = group.iter().take_while(|piece| piece.keeps_next).count() + 1;
            kept_until = at + length;
            let height: f32 = group.iter().take(length).map(|p| p.space + p.height).sum();
            breaks |= y + height > body_height && height <= body_height;
        }
        breaks |= y + piece.space + piece.height > body_height;
        if breaks && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            y = 0.0;
            if let Some(repeated) = &piece.repeated {
                page.push(Placed::Repeated(Rc::clone(repeated), y));
                y += repeated.height;
            }
        }
        if !page.is_empty() {
            y += piece.space;
        }
        page.push(Placed::Piece(at, y));
        y += piece.height;
    }
    if !page.is_empty() {
        pages.push(page);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(height: f32, keeps_next: bool) -> Piece {
        Piece { height, keeps_next, ..Piece::default() }
    }

    fn numbers(pages: &[Vec<Placed>]) -> Vec<Vec<usize>> {
        let number = |placed: &Placed| match placed {
            Placed::Piece(at, _) => Some(*at),
            Placed::Repeated(..) => None,
        };
        pages.iter().map(|page| page.iter().filter_map(number).collect()).collect()
    }

    #[test]
    fn a_heading_goes_to_the_next_page_with_what_it_is_of() {
        let pieces = [piece(60.0, false), piece(20.0, true), piece(30.0, false)];
        assert_eq!(numbers(&pages(&pieces, 100.0)), [vec![0], vec![1, 2]]);
        assert_eq!(numbers(&pages(&pieces, 110.0)), [vec![0, 1, 2]]);
    }

    #[test]
    fn what_does_not_fit_into_a_page_is_broken_all_the_same() {
        let pieces = [piece(60.0, true), piece(60.0, true), piece(60.0, false)];
        assert_eq!(numbers(&pages(&pieces, 100.0)), [vec![0], vec![1], vec![2]]);
        // One piece that is higher than a page has one to itself.
        let pieces = [piece(10.0, false), piece(500.0, false), piece(10.0, false)];
        assert_eq!(numbers(&pages(&pieces, 100.0)), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn the_head_of_a_table_is_drawn_again_on_each_page() {
        let head = Rc::new(piece(10.0, true));
        let row = || Piece { repeated: Some(Rc::clone(&head)), ..piece(30.0, false) };
        let pieces = [piece(10.0, true), row(), row(), row(), row()];
        let pages = pages(&pieces, 75.0);
        assert_eq!(numbers(&pages), [vec![0, 1, 2], vec![3, 4]]);
        assert_eq!(pages[1][0], Placed::Repeated(Rc::clone(&head), 0.0));
        assert_eq!(pages[1][1], Placed::Piece(3, 10.0));
    }

    #[test]
    fn a_page_that_is_asked_for_is_never_empty() {
        let first = Piece { begins_page: true, ..piece(10.0, false) };
        let pieces = [first.clone(), piece(10.0, false), first];
        assert_eq!(numbers(&pages(&pieces, 100.0)), [vec![0, 1], vec![2]]);
    }
}
