//! Every tuple loss once more, from its definition: one sum after the other, f64, no
//! gradient, no logarithm of a sum that is made safe.

/// A batch, and the centers or proxies where the loss has them.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: Vec<Vec<f64>>,
    pub(super) labels: Vec<u32>,
    pub(super) own: Vec<Vec<f64>>,
}

/// The loss called `name` with `params` in the order of its registry entry; nothing for a
/// name without an oracle. What it chose on the way (which hinges are above 0, which
/// sample is hardest) goes to `choices`: two points with other choices have a kink or a
/// jump between them.
pub(super) fn value(name: &str, params: &[f64], point: &Point, choices: &mut Vec<usize>) -> Option<f64> {
    Some(match name {
        "contrastive" => contrastive(point, params[0], choices),
        "triplet" => triplet(point, params[0], params[1] == 1.0, choices),
        "triplet_batch_hard" => batch_hard(point, params[0], choices),
        "triplet_semi_hard" => semi_hard(point, params[0], choices),
        "center" => center(point, params[0]),
        "npair" => npair(point, params[0]),
        "supcon" => supcon(point, params[0]),
        "proxy_nca" => proxy_nca(point, params[0]),
        "proxy_anchor" => proxy_anchor(point, params[0], params[1]),
        _ => return None,
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cos(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

/// The distance of the normalized vectors.
fn chord(a: &[f64], b: &[f64]) -> f64 {
    let (na, nb) = (dot(a, a).sqrt(), dot(b, b).sqrt());
    a.iter().zip(b).map(|(a, b)| (a / na - b / nb).powi(2)).sum::<f64>().sqrt()
}

fn mean(terms: &[f64]) -> f64 {
    if terms.is_empty() { 0.0 } else { terms.iter().sum::<f64>() / terms.len() as f64 }
}

fn hinge(z: f64, choices: &mut Vec<usize>) -> f64 {
    choices.push(usize::from(z > 0.0));
    z.max(0.0)
}

impl Point {
    /// The other samples of i's class.
    fn positives(&self, i: usize) -> Vec<usize> {
        (0..self.x.len()).filter(|&j| j != i && self.labels[j] == self.labels[i]).collect()
    }

    /// The samples of other classes.
    fn negatives(&self, i: usize) -> Vec<usize> {
        (0..self.x.len()).filter(|&j| self.labels[j] != self.labels[i]).collect()
    }

    fn d(&self, i: usize, j: usize) -> f64 {
        chord(&self.x[i], &self.x[j])
    }
}

fn contrastive(point: &Point, margin: f64, choices: &mut Vec<usize>) -> f64 {
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for i in 0..point.x.len() {
        for j in i + 1..point.x.len() {
            if point.labels[i] == point.labels[j] {
                same.push(0.5 * point.d(i, j).powi(2));
            } else {
                other.push(0.5 * hinge(margin - point.d(i, j), choices).powi(2));
            }
        }
    }
    mean(&same) + mean(&other)
}

fn triplet(point: &Point, margin: f64, active_only: bool, choices: &mut Vec<usize>) -> f64 {
    let mut terms = Vec::new();
    for a in 0..point.x.len() {
        for p in point.positives(a) {
            for n in point.negatives(a) {
                terms.push(hinge(point.d(a, p).powi(2) - point.d(a, n).powi(2) + margin, choices));
            }
        }
    }
    if active_only {
        terms.retain(|t| *t > 0.0);
    }
    mean(&terms)
}

/// The index at which `key` is least.
fn least(of: &[usize], key: impl Fn(usize) -> f64) -> Option<usize> {
    of.iter().copied().min_by(|&a, &b| key(a).total_cmp(&key(b)))
}

fn batch_hard(point: &Point, margin: f64, choices: &mut Vec<usize>) -> f64 {
    let mut terms = Vec::new();
    for a in 0..point.x.len() {
        let hardest = least(&point.positives(a), |p| -point.d(a, p));
        if let (Some(p), Some(n)) = (hardest, least(&point.negatives(a), |n| point.d(a, n))) {
            choices.extend([p, n]);
            terms.push(hinge(point.d(a, p) - point.d(a, n) + margin, choices));
        }
    }
    mean(&terms)
}

fn semi_hard(point: &Point, margin: f64, choices: &mut Vec<usize>) -> f64 {
    let mut terms = Vec::new();
    for a in 0..point.x.len() {
        for p in point.positives(a) {
            let negatives = point.negatives(a);
            let (beyond, _): (Vec<usize>, Vec<usize>) = negatives.iter().partition(|&&n| point.d(a, n) > point.d(a, p));
            let nearest = least(&beyond, |n| point.d(a, n));
            if let Some(n) = nearest.or_else(|| least(&negatives, |n| -point.d(a, n))) {
                choices.push(n);
                terms.push(hinge(point.d(a, p).powi(2) - point.d(a, n).powi(2) + margin, choices));
            }
        }
    }
    mean(&terms)
}

fn center(point: &Point, weight: f64) -> f64 {
    let squared = |(x, y): (&Vec<f64>, &u32)| -> f64 {
        x.iter().zip(&point.own[*y as usize]).map(|(x, c)| (x - c).powi(2)).sum()
    };
    weight * 0.5 * mean(&point.x.iter().zip(&point.labels).map(squared).collect::<Vec<_>>())
}

fn npair(point: &Point, norm_weight: f64) -> f64 {
    let mut terms = Vec::new();
    for a in 0..point.x.len() {
        for p in point.positives(a) {
            let z = |j: usize| dot(&point.x[a], &point.x[j]);
            terms.push((1.0 + point.negatives(a).iter().map(|&n| (z(n) - z(p)).exp()).sum::<f64>()).ln());
        }
    }
    mean(&terms) + norm_weight * mean(&point.x.iter().map(|x| dot(x, x)).collect::<Vec<_>>())
}

fn supcon(point: &Point, temperature: f64) -> f64 {
    let mut terms = Vec::new();
    for i in 0..point.x.len() {
        let e = |j: usize| (cos(&point.x[i], &point.x[j]) / temperature).exp();
        let all: f64 = (0..point.x.len()).filter(|&a| a != i).map(e).sum();
        let of_positives: Vec<f64> = point.positives(i).iter().map(|&p| -(e(p) / all).ln()).collect();
        if !of_positives.is_empty() {
            terms.push(mean(&of_positives));
        }
    }
    mean(&terms)
}

fn proxy_nca(point: &Point, scale: f64) -> f64 {
    let term = |(x, y): (&Vec<f64>, &u32)| {
        let e = |z: usize| (-scale * chord(x, &point.own[z]).powi(2)).exp();
        let others: f64 = (0..point.own.len()).filter(|&z| z != *y as usize).map(e).sum();
        if point.own.len() < 2 { 0.0 } else { -(e(*y as usize) / others).ln() }
    };
    mean(&point.x.iter().zip(&point.labels).map(term).collect::<Vec<_>>())
}

fn proxy_anchor(point: &Point, scale: f64, margin: f64) -> f64 {
    let (mut of_present, mut of_all) = (Vec::new(), Vec::new());
    for (class, proxy) in point.own.iter().enumerate() {
        let (mut positive, mut negative, mut present) = (0.0, 0.0, false);
        for (x, y) in point.x.iter().zip(&point.labels) {
            if *y as usize == class {
                present = true;
                positive += (-scale * (cos(x, proxy) - margin)).exp();
            } else {
                negative += (scale * (cos(x, proxy) + margin)).exp();
            }
        }
        if present {
            of_present.push((1.0 + positive).ln());
        }
        of_all.push((1.0 + negative).ln());
    }
    mean(&of_present) + mean(&of_all)
}
