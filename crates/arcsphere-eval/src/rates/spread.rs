/// Comparisons and errors by pair of units, with what their variance is made of, kept in whole numbers: an error
/// is added in no time, so that a rate at every threshold costs no more than one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread {
    cells: Vec<Cell>,
    rows: Vec<Count>,
    total: Count,
    /// Over pairs of units.
    of_cells: Squares,
    /// Over pairs of units, those of two units twice.
    of_both: Squares,
    /// Over units.
    of_rows: Squares,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    comparisons: u64,
    errors: u64,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    units: (u32, u32),
    count: Count,
}

/// Σ k², Σ k·m and Σ m².
#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    kk: i128,
    km: i128,
    mm: i128,
}

impl Squares {
    /// One more comparison where `before` were, `times` over.
    fn compare(&mut self, before: Count, times: i128) {
        self.mm += times * (2 * i128::from(before.comparisons) + 1);
        self.km += times * i128::from(before.errors);
    }

    /// One more error.
    fn err(&mut self, before: Count, times: i128) {
        self.kk += times * (2 * i128::from(before.errors) + 1);
        self.km += times * i128::from(before.comparisons);
    }

    /// Σ (k·M − K·m)², which is M² Σ (k − p·m)². In whole numbers unless they are too large for them.
    fn deviation(&self, total: Count) -> f64 {
        let (k, m) = (i128::from(total.errors), i128::from(total.comparisons));
        let exact = || {
            let kk = m.checked_mul(m)?.checked_mul(self.kk)?;
            let km = k.checked_mul(m)?.checked_mul(self.km)?.checked_mul(2)?;
            let mm = k.checked_mul(k)?.checked_mul(self.mm)?;
            kk.checked_sub(km)?.checked_add(mm)
        };
        let near = || {
            let (k, m) = (k as f64, m as f64);
            (m * m * self.kk as f64 - 2.0 * k * m * self.km as f64 + k * k * self.mm as f64).max(0.0)
        };
        exact().map_or_else(near, |d| d as f64)
    }
}

impl Spread {
    /// Over `units` units.
    pub(crate) fn new(units: usize) -> Self {
        Self { rows: vec![Count::default(); units], ..Self::default() }
    }

    /// One more unit than there are.
    pub(super) fn add_unit(&mut self) {
        self.rows.push(Count::default());
    }

    /// The number of a new pair of units.
    pub(crate) fn add_cell(&mut self, units: (u32, u32)) -> u32 {
        self.cells.push(Cell { units, count: Count::default() });
        self.cells.len() as u32 - 1
    }

    /// The units of a cell.
    pub(crate) fn units_of(&self, cell: u32) -> (u32, u32) {
        self.cells[cell as usize].units
    }

    /// The units of every cell, and its comparisons.
    pub(crate) fn cells(&self) -> impl Iterator<Item = ((u32, u32), u64)> + '_ {
        self.cells.iter().map(|c| (c.units, c.count.comparisons))
    }

    /// One more comparison in a cell.
    pub(crate) fn compare(&mut self, cell: u32) {
        let Cell { units: (a, b), count } = &mut self.cells[cell as usize];
        let times = if a == b { 1 } else { 2 };
        self.of_cells.compare(*count, 1);
        self.of_both.compare(*count, times);
        count.comparisons += 1;
        for unit in [*a, *b].into_iter().take(times as usize) {
            let row = &mut self.rows[unit as usize];
            self.of_rows.compare(*row, 1);
            row.comparisons += 1;
        }
        self.total.comparisons += 1;
    }

    /// One of the cell's comparisons is an error.
    pub(crate) fn err(&mut self, cell: u32) {
        let Cell { units: (a, b), count } = &mut self.cells[cell as usize];
        let times = if a == b { 1 } else { 2 };
        self.of_cells.err(*count, 1);
        self.of_both.err(*count, times);
        count.errors += 1;
        for unit in [*a, *b].into_iter().take(times as usize) {
            let row = &mut self.rows[unit as usize];
            self.of_rows.err(*row, 1);
            row.errors += 1;
        }
        self.total.errors += 1;
    }

    /// M.
    pub(crate) fn pairs(&self) -> u64 {
        self.total.comparisons
    }

    /// K.
    pub(crate) fn errors(&self) -> u64 {
        self.total.errors
    }

    /// Comparisons and errors of each unit.
    pub(crate) fn by_unit(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.rows.iter().map(|r| (r.comparisons, r.errors))
    }

    /// The plug-in variance of K/M.
    pub(crate) fn variance(&self) -> f64 {
        let shared = self.of_rows.deviation(self.total) - self.of_both.deviation(self.total);
        let m = self.total.comparisons as f64;
        (self.of_cells.deviation(self.total) + shared.max(0.0)) / m.powi(4)
    }

    /// min(M, p(1 − p)/Var), M where nothing varies.
    pub(crate) fn n_eff(&self) -> f64 {
        let (k, m) = (self.total.errors as f64, self.total.comparisons as f64);
        let (own, variance) = (k / m * (1.0 - k / m), self.variance());
        if own > 0.0 && variance > 0.0 { (own / variance).min(m) } else { m }
    }
}
