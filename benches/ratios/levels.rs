//! Gateways on one base, and the same gateways as documents that say everything themselves.

use std::fs;

use tempfile::TempDir;

/// Objects in one file.
const IN_FILE: usize = 1_000;

/// What the gateways have in common, as the lines below `spec`.
const SHARED: &str = "  merchantPin: null
  merchantKey: { from_env: CARD_KEY }
  testMode: 0
  allowToken: true
  maxPaymentAmount: 2500.00
  minPaymentAmount: 1.00
  billTypes:
    - { billTypeId: 3, applyConvenienceFee: true }
    - { billTypeId: 7 }
  paymentTypes:
    - { paymentType: CC }
    - { paymentType: DC }
  convenienceFees:
    - { paymentType: CC, minRange: 0, maxRange: 100, feeAmount: 2.95 }
    - { paymentType: CC, minRange: 100.01, maxRange: 2500, feeAmount: 4.95 }
";

/// So many gateways that extend one base.
pub fn write_extending(objects: usize) -> TempDir {
    let folder = write_settings();
    fs::create_dir(folder.path().join("bases")).expect("a folder");
    let base = format!("base: cards\nkind: bootview/payment-gateway\nspec:\n{SHARED}");
    fs::write(folder.path().join("bases/cards.yaml"), base).expect("the base");
    write_documents(&folder, objects, |number| {
        format!("{}{}", head(number, "extends: [cards]\n"), own(number))
    });
    folder
}

/// The same gateways without a base.
pub fn write_flat(objects: usize) -> TempDir {
    let folder = write_settings();
    write_documents(&folder, objects, |number| format!("{}{}{SHARED}", head(number, ""), own(number)));
    folder
}

fn head(number: usize, more: &str) -> String {
    format!("kind: bootview/payment-gateway\nname: gateway-{number}\n{more}spec:\n")
}

fn own(number: usize) -> String {
    format!("  displayName: Gateway {number}\n  merchantId: M-{number}\n")
}

fn write_settings() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = "targets:\n  bench:\n    api: bootview\n    base_url: http://127.0.0.1:1/bootview\n    \
        auth: { bearer: { from_env: TOKEN } }\n    scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 }\n";
    fs::write(folder.path().join("trueup.yaml"), settings).expect("the settings");
    fs::create_dir(folder.path().join("config")).expect("a folder");
    folder
}

fn write_documents(folder: &TempDir, objects: usize, document: impl Fn(usize) -> String) {
    let numbers: Vec<usize> = (0..objects).collect();
    for (file, chunk) in numbers.chunks(IN_FILE).enumerate() {
        let documents: Vec<String> = chunk.iter().map(|number| document(*number)).collect();
        let path = folder.path().join(format!("config/{file:04}.yaml"));
        fs::write(path, documents.join("---\n")).expect("a document file");
    }
}
