//! My network, your trainer: any Burn module is a backbone, with checkpoints, resume and collapse handling.

use arcsphere::{backbones::Backbone, config::Layers, evaluate, plan, train::Trainer};
use arcsphere_data::{Shape, embedded};
use burn::{module::Module, nn, tensor::Tensor};

#[derive(Module, Debug)]
struct Net {
    layer: nn::Linear,
}

impl Backbone for Net {
    fn forward(&self, images: Tensor<4>, _train: bool) -> Tensor<2> {
        self.layer.forward(images.flatten(1, 3))
    }
    fn dim(&self) -> usize {
        8
    }
    fn input(&self) -> Shape {
        Shape::new(1, 28, 28)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = arcsphere::device("flex")?;
    let config = Layers::new().assignment("loss.name=cosface")?.assignment("train.epochs=2")?.build()?;
    let splits = plan::split(&config, &embedded::mnist()?)?;
    let net = Net { layer: nn::LinearConfig::new(784, 8).init(&device) };
    let plan = plan::Plan::for_backbone(&config, &splits, &net)?;
    let mut trainer = Trainer::with_backbone(plan, net, &device)?;
    trainer.run(&splits, &mut ())?;
    let found = evaluate::evaluate(&trainer, &splits, &evaluate::Protocols::default(), &|_, _| {})?;
    println!("accuracy {:?}", found.run.get("accuracy"));
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
