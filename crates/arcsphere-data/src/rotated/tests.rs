//! Turns against exact answers, and how angles are given to images.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::embedded;

fn turned(plane: &[u8], shape: Shape, center: Point, degrees: f64) -> Vec<u8> {
    let mut out = vec![99; plane.len()];
    Turn::by(degrees).apply(plane, shape, center, &mut out);
    out
}

#[test]
fn quarter_turns_move_pixels() {
    let at =
        |plane: &[u8], (height, width), center, degrees| turned(plane, Shape::new(1, height, width), center, degrees);
    // The corners are outside the circle that fits.
    let plane = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert_eq!(at(&plane, (3, 3), (1.0, 1.0), 0.0), [0, 2, 0, 4, 5, 6, 0, 8, 0]);
    // Counter-clockwise: what was on the right is on top.
    assert_eq!(at(&plane, (3, 3), (1.0, 1.0), 90.0), [0, 6, 0, 2, 5, 8, 0, 4, 0]);
    assert_eq!(at(&plane, (3, 3), (1.0, 1.0), 180.0), [0, 8, 0, 6, 5, 4, 0, 2, 0]);
    assert_eq!(at(&plane, (3, 3), (1.0, 1.0), 270.0), [0, 4, 0, 8, 5, 2, 0, 6, 0]);
    // Between pixels: the four in the middle of 4 x 4.
    let plane: Vec<u8> = (0..16).collect();
    let quarter = at(&plane, (4, 4), (1.5, 1.5), 90.0);
    assert_eq!([quarter[5], quarter[6], quarter[9], quarter[10]], [6, 10, 5, 9]);
    // About a point off the middle, in an image that is not square.
    let plane = [0, 1, 0, 0, 2, 3, 4, 0, 0, 5, 0, 0];
    assert_eq!(at(&plane, (3, 4), (1.0, 1.0), 90.0), [0, 4, 0, 0, 1, 3, 5, 0, 0, 2, 0, 0]);
    assert_eq!(at(&[7], (1, 1), (0.0, 0.0), 42.0), [7]);
}

#[test]
fn the_center_is_that_of_brightness() {
    let shape = Shape::new(1, 3, 4);
    assert_eq!(center(&[0; 12], shape), (1.0, 1.5));
    assert_eq!(center(&[9; 12], shape), (1.0, 1.5));
    assert_eq!(center(&[0, 0, 0, 10, 0, 0, 0, 0, 0, 30, 0, 0], shape), (1.5, 1.5));
    // Over all planes.
    let image = [[0, 0, 0, 8].as_slice(), &[8, 0, 0, 0], &[0, 16, 0, 0]].concat();
    assert_eq!(center(&image, Shape::new(3, 2, 2)), (0.25, 0.75));
}

#[test]
fn bilinear_interpolation_is_exact_on_a_slope() {
    let (height, width, center) = (21, 24, (9.3, 11.8));
    let value = |y: f64, x: f64| 100.0 + 2.0 * (x - 11.5) - 3.0 * (y - 10.0);
    let plane: Vec<u8> = (0..height * width).map(|i| value((i / width) as f64, (i % width) as f64) as u8).collect();
    for step in 0..STEPS {
        let out = turned(&plane, Shape::new(1, height, width), center, f64::from(angle(step)));
        let (sin, cos) = f64::from(angle(step)).to_radians().sin_cos();
        for (i, &found) in out.iter().enumerate() {
            let (dy, dx) = ((i / width) as f64 - center.0, (i % width) as f64 - center.1);
            // The picture turned by the angle, asked where the pixel was before; the plane is exact, since
            // the slope has whole values at pixels, so only the result is rounded.
            let expected = value(center.0 + dx * sin + dy * cos, center.1 + dx * cos - dy * sin);
            match dy.hypot(dx) <= 9.3 {
                true => assert!((f64::from(found) - expected).abs() <= 0.501, "{step}, {i}: {found}, {expected}"),
                false => assert_eq!(found, 0),
            }
        }
    }
}

#[test]
fn the_frame_does_not_tell_the_angle() {
    // A photo of nothing looks the same at every angle, up to its edge.
    let gray = Dataset::new(Shape::new(1, 12, 17), vec![200; 12 * 17], vec![0], vec!["any".into()]).unwrap();
    let set = rotate(&gray, STEPS, 0).unwrap();
    assert!((1..STEPS).all(|i| set.image(i).unwrap() == set.image(0).unwrap()));
    assert_eq!((set.image(0).unwrap()[0], set.image(0).unwrap()[6 * 17 + 8]), (0, 200));
}

#[test]
fn a_digit_keeps_its_ink_and_its_place_and_comes_back() {
    let digits = embedded::mnist().unwrap().test.take(20).unwrap();
    let shape = digits.shape();
    let ink = |plane: &[u8]| plane.iter().map(|&v| f64::from(v)).sum::<f64>();
    for i in 0..digits.len() {
        let plane = digits.image(i).unwrap();
        let middle = center(&plane, shape);
        // What the circle cuts off a large digit moves its center, equally far at every angle.
        let off_center = |image: &[u8]| {
            let (y, x) = center(image, shape);
            (y - middle.0).hypot(x - middle.1)
        };
        let upright = turned(&plane, shape, middle, 0.0);
        for step in 0..STEPS {
            let there = turned(&plane, shape, middle, f64::from(angle(step)));
            let ratio = ink(&there) / ink(&upright);
            assert!((ratio - 1.0).abs() < 0.02, "image {i}, step {step}: {ratio}");
            let moved = off_center(&there) - off_center(&upright);
            assert!(moved.abs() < 0.2, "image {i}, step {step}: {moved}");
            let back = turned(&there, shape, middle, -f64::from(angle(step)));
            let off = upright.iter().zip(&back).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
            // Blurred twice, but the same digit the same way up.
            assert!(off / ink(&upright) < 0.5, "image {i}, step {step}: {}", off / ink(&upright));
        }
    }
}

/// `n` images of one pixel, which no turn changes, so that it tells the image.
fn traced(n: usize) -> Dataset {
    Dataset::new(Shape::new(1, 1, 1), (0..n).map(|i| i as u8).collect(), vec![0; n], vec!["any".into()]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn angles_are_even_and_an_image_has_none_twice(images in 1_usize..200, n in 1_usize..2000, seed: u64) {
        let set = rotate(&traced(images), n, seed).unwrap();
        let rounds = n.div_ceil(images);
        let mut uses = vec![0_usize; images];
        let mut pairs = BTreeSet::new();
        for (&image, &label) in set.pixels().iter().zip(set.labels()) {
            uses[usize::from(image)] += 1;
            pairs.insert((image, label));
        }
        prop_assert_eq!(set.len(), n);
        prop_assert!(uses.iter().max().unwrap() - uses.iter().min().unwrap() <= 1);
        if rounds <= STEPS {
            prop_assert_eq!(pairs.len(), n);
        }
        let counts = set.class_counts();
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= rounds, "{:?}", counts);
        let targets = set.targets().unwrap();
        for (value, &label) in targets.values().iter().zip(set.labels()) {
            prop_assert_eq!(*value, 3.0 * label as f32 - 88.5);
        }
        prop_assert_eq!(&set, &rotate(&traced(images), n, seed).unwrap());
    }
}

#[test]
fn seeds_matter_and_threads_do_not() {
    let digits = embedded::mnist().unwrap().test.take(200).unwrap();
    let one = |seed, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| rotate(&digits, 300, seed)).unwrap()
    };
    assert_eq!(one(1, 1), one(1, 3));
    assert_ne!(one(1, 1), one(2, 1));
}

#[test]
fn planes_are_turned_alike_and_about_one_center() {
    let shape = Shape::new(3, 5, 5);
    let pixels: Vec<u8> = (0..75_u8).map(|i| i.wrapping_mul(37)).collect();
    let color = Dataset::new(shape, pixels, vec![0], vec!["any".into()]).unwrap();
    let set = rotate(&color, STEPS, 0).unwrap();
    for (i, &label) in set.labels().iter().enumerate() {
        let middle = center(&color.image(0).unwrap(), shape);
        let image = color.image(0).unwrap();
        let planes = image.chunks(25).flat_map(|p| turned(p, shape, middle, 3.0 * f64::from(label) - 88.5));
        assert!(planes.eq(set.image(i).unwrap().iter().copied()), "{label}");
    }
}

#[test]
fn training_and_test_images_stay_apart() {
    let all = traced(200);
    let part = |range: std::ops::Range<usize>| all.subset(&range.collect::<Vec<_>>()).unwrap();
    let (train, test) = both(&part(0..120), &part(120..200), 3).unwrap();
    assert!(train.pixels().iter().all(|&id| id < 120));
    assert!(test.pixels().iter().all(|&id| id >= 120));
}

#[test]
fn nothing_or_too_much_is_named() {
    assert!(matches!(rotate(&traced(3), 0, 0), Err(DataError::EmptySet { .. })));
    let photo = Dataset::new(Shape::new(1, 2, 2), vec![0; 4], vec![0], vec!["any".into()]).unwrap();
    assert!(matches!(rotate(&photo, usize::MAX / 4, 0), Err(DataError::TooLarge { .. })));
    // Ten digits, of which only a 0 is there.
    let names = (0..10).map(|d| d.to_string()).collect();
    let zero = Dataset::new(Shape::new(1, 1, 1), vec![0], vec![0], names).unwrap();
    assert!(matches!(both(&zero, &zero, 0), Err(DataError::EmptySet { .. })));
    // Too few to train on every angle; the test may lack some.
    assert!(matches!(both(&traced(59), &traced(59), 0), Err(DataError::EmptyClass { .. })));
    assert!(both(&traced(60), &traced(1), 0).is_ok());
}

#[test]
fn digits_without_one_way_up_are_left_out() {
    // The pixel of an image is its digit.
    let names: Vec<String> = (0..10).map(|d| d.to_string()).collect();
    let labels: Vec<u32> = (0..100).map(|i| i % 10).collect();
    let set = Dataset::new(Shape::new(1, 1, 1), labels.iter().map(|&l| l as u8).collect(), labels, names).unwrap();
    let (train, test) = both(&set, &set, 0).unwrap();
    let digits: BTreeSet<String> = train.pixels().iter().map(|d| d.to_string()).collect();
    assert_eq!(digits.iter().map(String::as_str).collect::<Vec<_>>(), DIGITS);
    assert_eq!((train.len(), test.len()), (100, 100));
    // Other classes than the digits are all used.
    let (train, _) = both(&traced(100), &traced(10), 0).unwrap();
    assert_eq!(train.pixels().iter().collect::<BTreeSet<_>>().len(), 100);
}
