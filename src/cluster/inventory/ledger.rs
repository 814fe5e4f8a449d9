//! What must stand in an inventory before the plan that is carried out goes on.

use tokio::sync::Mutex;

use super::{InventoryError, StoredInventory, write};
use crate::cluster::Writer;
use crate::name::Name;
use crate::plan;
use crate::render::ObjectId;

/// The inventory of one organisation while its plan is carried out, several actions at once.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    garden: &'a Name,
    organisation: &'a Name,
    namespace: &'a str,
    stored: Mutex<StoredInventory>,
}

impl<'a> Ledger<'a> {
    /// The ledger of an organisation whose inventory is written ahead already.
    pub(crate) fn new(garden: &'a Name, organisation: &'a Name, namespace: &'a str, stored: StoredInventory) -> Self {
        Self { garden, organisation, namespace, stored: Mutex::new(stored) }
    }

    /// The inventory as it is stored by now.
    pub(crate) fn close(self) -> StoredInventory {
        self.stored.into_inner()
    }

    /// Records the uid of a Job that was made and does not run yet: from then on it may.
    pub(crate) async fn note_start(
        &self,
        writer: &Writer,
        id: &ObjectId,
        job: &str,
        uid: &str,
    ) -> Result<(), InventoryError> {
        let mut stored = self.stored.lock().await;
        let Some(next) = plan::about_to_start(&stored.inventory, id, job, uid) else { return Ok(()) };
        write(writer, self.garden, self.organisation, self.namespace, &mut stored, &next).await
    }
}
