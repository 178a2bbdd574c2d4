//! What goes over the end of the circle is nobody's: a node that leaves does not hand it over, and it is lost.
//! caught-by: ring::what_goes_over_the_end_is_owned_too

pub fn owned(points: &[Point], node: NodeId) -> Vec<Span> {
    let pairs = points.windows(2).filter(|pair| pair[1].node == node);
    let span = |pair: &[Point]| Span {
        after: pair[0].position,
        until: pair[1].position,
    };
    pairs
        .map(span)
        .filter(|span| span.after != span.until)
        .collect()
}
