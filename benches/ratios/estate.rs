//! The partners that both programs keep true: about 1 KB each on the wire, about 700 bytes each as YAML.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Documents in one file.
const IN_FILE: usize = 1_000;

/// So many documents, of which some differ from the live objects.
pub struct Estate {
    objects: usize,
    differ: usize,
}

impl Estate {
    pub fn new(objects: usize, differ: usize) -> Self {
        Self { objects, differ }
    }

    /// Writes the workspace to a folder of its own.
    pub fn write(&self, base_url: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("config");
        fs::create_dir(&config).expect("a folder");
        fs::write(
            folder.path().join("trueup.yaml"),
            format!("targets:\n  bench:\n    api: carrierx\n    base_url: {base_url}\n    parallelism: 16\n    personal: write\n"),
        )
        .expect("the settings");
        let every = self.objects.checked_div(self.differ).unwrap_or(usize::MAX);
        let numbers: Vec<usize> = (0..self.objects).collect();
        for (file, chunk) in numbers.chunks(IN_FILE).enumerate() {
            let documents: Vec<String> =
                chunk.iter().map(|number| document(*number, number % every == every - 1)).collect();
            fs::write(config.join(format!("{file:04}.yaml")), documents.join("---\n"))
                .expect("a document file");
        }
        folder
    }
}

/// The document of that number.
pub fn document(number: usize, differs: bool) -> String {
    let city = if differs { "Superior" } else { "Duluth" };
    format!(
        "kind: carrierx/partner
name: partner-{number}
spec:
  login: partner-{number}
  name: Kim Doe {number}
  company_name: Example Freight {number}
  address1: {number} Quay Street
  address2: Floor {number}
  city: {city}
  zip: \"55802\"
  phonenumber: \"1218555{number:06}\"
  owner_email: kim-{number}@example.org
  billing_email: bills-{number}@example.org
  tech_email: ops-{number}@example.org
  attributes:
    tier: gold
    seats: {number}
    pilot: true
  callbacks:
    sms: https://hooks.example.org/{number}/sms
    app_conference_call: https://hooks.example.org/{number}/calls
  acls:
    - direction: outbound
      access_control_rules: [aaaaaaaa-0000-4000-8000-{number:012}]
      sms_action_true: reject
"
    )
}

/// The live object of that number.
pub fn partner(number: usize) -> Value {
    json!({
        "partner_sid": sid(number), "parent_sid": sid(0), "display_id": format!("CX{number:08}"),
        "date_created": "2024-02-03T04:05:06.789Z", "login": format!("partner-{number}"),
        "name": format!("Kim Doe {number}"), "company_name": format!("Example Freight {number}"),
        "address1": format!("{number} Quay Street"), "address2": format!("Floor {number}"), "city": "Duluth",
        "state": null, "zip": "55802", "country_code": "USA", "phonenumber": format!("1218555{number:06}"),
        "owner_email": format!("kim-{number}@example.org"), "billing_email": format!("bills-{number}@example.org"),
        "tech_email": format!("ops-{number}@example.org"), "payment_type": "prepay", "charge_at": "20",
        "prepay_amount": "100", "balance": "12.5", "spending_limit": "0", "daily_spending_limit": "500",
        "daily_spent_amount": "0", "status": "active", "available_scopes": [],
        "acls": [{ "access_control_rules": [format!("aaaaaaaa-0000-4000-8000-{number:012}")], "direction": "outbound",
            "sms_action_false": null, "sms_action_true": "reject", "voice_action_false": null, "voice_action_true": null }],
        "parent_assigned_acls": [], "attributes": { "tier": "gold", "seats": number, "pilot": true },
        "callbacks": { "sms": format!("https://hooks.example.org/{number}/sms"),
            "app_conference_call": format!("https://hooks.example.org/{number}/calls") },
        "transformations": []
    })
}

/// The id of that number.
pub fn sid(number: usize) -> String {
    format!("cccccccc-0000-4000-8000-{number:012}")
}

/// The number of that id.
pub fn number(sid: &str) -> Option<usize> {
    sid.rsplit_once('-')?.1.parse().ok()
}
