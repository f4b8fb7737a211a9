//! My network, my loop: a Burn module and a Burn optimizer of one's own, with the head as a loss on the graph.

use arcsphere::{graph::GraphHead, head::Head, head::Update};
use arcsphere_data::{Normalization, batch, embedded};
use burn::optim::{AdamConfig, GradientsParams};
use burn::{module::Module, nn, tensor::Tensor};

#[derive(Module, Debug)]
struct Net {
    layer: nn::Linear,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = arcsphere::device("flex")?.autodiff();
    let (digits, unit) = (embedded::mnist()?.train, Normalization::unit(1));
    let mut net = Net { layer: nn::LinearConfig::new(784, 8).init(&device) };
    let mut optimizer = AdamConfig::new().init();
    let mut head = Head::builder("arcface", 10, 8).build()?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for step in 0..100 {
        let rows: Vec<u32> = (50 * step..50 * step + 50).collect();
        batch::fill(&digits, &rows, &unit, None, &mut pixels, &mut labels)?;
        let images = Tensor::<1>::from_floats(pixels.as_slice(), &device).reshape([50, 784]);
        let loss = head.loss(net.layer.forward(images), &labels)?;
        println!("step {step}: loss {:.3}", loss.clone().into_scalar::<f32>());
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        net = optimizer.step(1e-3, net, gradients);
        head.update(&Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 })?;
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
