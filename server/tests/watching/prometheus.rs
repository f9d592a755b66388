//! A real Prometheus, told where to look.

use crate::{
    dashboards::ROOT,
    harness::{door::client, servers::Server},
};
use reqwest::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Prometheus.
#[derive(Clone)]
pub(crate) struct Prometheus {
    server: Server,
    targets: PathBuf,
    client: Client,
    url: String,
}

/// A value, with its labels.
pub(crate) struct Sample {
    pub(crate) labels: Value,
    pub(crate) value: f64,
}

impl Prometheus {
    pub(crate) async fn start(home: &Path) -> Self {
        let server = Server::new("prometheus", home);
        let targets = home.join("prometheus/targets");
        std::fs::create_dir_all(&targets).unwrap();
        let url = server.tell("start", &[]).await;
        Self { server, targets, client: client(), url }
    }

    /// Looks at these addresses as this job from now on, instead of those before.
    pub(crate) fn look_at(&self, job: &str, instances: &[(String, String)]) {
        let shipped = std::fs::read_to_string(format!("{ROOT}/ops/prometheus/prometheus.yml")).unwrap();
        // The embedded shop's job stands in a comment there, with its name.
        assert!(shipped.contains(&format!("job_name: {job}")), "the shipped configuration knows no job {job}");
        let groups: Vec<_> = instances
            .iter()
            .map(|(name, address)| {
                let address = address.trim_start_matches("http://");
                json!({"targets": [address], "labels": {"job": job, "instance": name}})
            })
            .collect();
        // In one step: Prometheus reads it as soon as it changes.
        let (file, new) = (self.targets.join(format!("{job}.json")), self.targets.join(format!("{job}.new")));
        std::fs::write(&new, Value::from(groups).to_string()).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// What a query gives now.
    pub(crate) async fn ask(&self, query: &str) -> Vec<Sample> {
        let answer = self.client.post(format!("{}/api/v1/query", self.url)).form(&[("query", query)]);
        let answer: Value = crate::support::json(answer.send().await.unwrap()).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let result = answer["data"]["result"].as_array().unwrap();
        let value = |one: &Value| one["value"][1].as_str().unwrap().parse().unwrap();
        result.iter().map(|one| Sample { labels: one["metric"].clone(), value: value(one) }).collect()
    }

    /// The numbers of a query, those that are none left out.
    pub(crate) async fn values(&self, query: &str) -> Vec<f64> {
        self.ask(query).await.into_iter().map(|sample| sample.value).filter(|value| !value.is_nan()).collect()
    }

    /// The names of all metrics it has ever seen.
    pub(crate) async fn names(&self) -> Vec<String> {
        let answer = self.client.get(format!("{}/api/v1/label/__name__/values", self.url)).send().await.unwrap();
        let answer: Value = crate::support::json(answer).await;
        answer["data"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    /// Where k6 sends what it sees.
    pub(crate) fn remote_write(&self) -> String {
        format!("{}/api/v1/write", self.url)
    }

    pub(crate) async fn stop(&self) {
        self.server.tell("stop", &[]).await;
    }
}
