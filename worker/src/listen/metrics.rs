//! The worker's numbers in the text format of Prometheus. Their names are documented in worker/OPERATING.md; a test holds the two together.

use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::{Ear, Received};
use crate::meter::Fate;
use crate::queue::Depth;

/// What stands at one moment.
#[derive(Debug)]
struct Moment {
    messages: Vec<(&'static str, u64)>,
    dead: Vec<(&'static str, u64)>,
    received: Vec<(&'static str, u64)>,
    reports: u64,
    trials: u64,
    in_hand: u64,
    worked: f64,
    simulating: f64,
    lag: Option<f64>,
    depth: Option<Depth>,
    trouble: bool,
}

/// The page of `/metrics`; without what lies in the queue where it could not be asked.
pub fn text(ear: &Ear, depth: Option<Depth>) -> Result<String, std::fmt::Error> {
    let meter = &ear.worker.meter;
    let moment = Moment {
        messages: Fate::ALL.iter().map(|(fate, name)| (*name, meter.messages(*fate))).collect(),
        dead: meter.dead().into_iter().collect(),
        received: Received::ALL
            .iter()
            .map(|(r, name)| (*name, ear.received[*r as usize].load(Ordering::Relaxed)))
            .collect(),
        reports: meter.reports(),
        trials: meter.trials(),
        in_hand: meter.in_hand(),
        worked: meter.worked().as_secs_f64(),
        simulating: meter.simulating().as_secs_f64(),
        lag: meter.lag().map(|lag| lag.as_secs_f64()),
        depth,
        trouble: meter.trouble().is_some(),
    };
    let mut registry = Registry::with_prefix("poolproof");
    registry.register("build", "Version of the program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    registry.register_collector(Box::new(moment));
    let mut page = String::new();
    encode(&mut page, &registry)?;
    Ok(page)
}

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let to = &mut encoder;
        labelled(to, "messages", "Messages by what became of them", "outcome", &self.messages)?;
        labelled(to, "dead_letters", "Messages laid among the dead letters, by reason", "reason", &self.dead)?;
        labelled(to, "received", "Requests for /events by what became of them", "result", &self.received)?;
        plain(to, "reports", "Reports published", &ConstCounter::new(self.reports))?;
        plain(to, "trials", "Paired trials simulated", &ConstCounter::new(self.trials))?;
        plain(
            to,
            "work_seconds",
            "Time spent on messages that are settled, in seconds",
            &ConstCounter::new(self.worked),
        )?;
        plain(to, "simulation_seconds", "Time spent simulating, in seconds", &ConstCounter::new(self.simulating))?;
        if let Some(lag) = self.lag {
            let help = "How long the message that was taken last had waited since it was sent, in seconds";
            plain(to, "queue_lag_seconds", help, &ConstGauge::new(lag))?;
        }
        plain(to, "messages_in_hand", "Messages being worked on", &ConstGauge::new(self.in_hand))?;
        plain(
            to,
            "queue_trouble",
            "1 where the queue could not be used when last asked",
            &ConstGauge::new(u64::from(self.trouble)),
        )?;
        let Some(depth) = self.depth else { return Ok(()) };
        let states = [
            ("waiting", Some(depth.waiting)),
            ("delayed", depth.delayed),
            ("held", depth.held),
            ("dead", Some(depth.dead)),
        ];
        let states: Vec<_> = states.into_iter().filter_map(|(name, count)| Some((name, count?))).collect();
        gauges(to, "queue_messages", "Messages in the queue by state", "state", &states)?;
        match depth.oldest {
            Some(age) => plain(
                to,
                "queue_oldest_seconds",
                "Age of the oldest message that waits, in seconds",
                &ConstGauge::new(age.as_secs_f64()),
            ),
            None => Ok(()),
        }
    }
}

type Rows = [(&'static str, u64)];

fn plain(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, metric: &impl EncodeMetric) -> std::fmt::Result {
    metric.encode(to.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn labelled(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, label: &str, rows: &Rows) -> std::fmt::Result {
    each(to, name, help, label, rows, ConstCounter::new)
}

fn gauges(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, label: &str, rows: &Rows) -> std::fmt::Result {
    each(to, name, help, label, rows, ConstGauge::new)
}

fn each<M: EncodeMetric>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    rows: &Rows,
    metric: impl Fn(u64) -> M,
) -> std::fmt::Result {
    let Some((_, first)) = rows.first() else { return Ok(()) };
    let mut family = to.encode_descriptor(name, help, None, metric(*first).metric_type())?;
    for (value, count) in rows {
        let labels = [(label, *value)];
        metric(*count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
