// The pages of the ledger: everything is readable before this file has run.
import { openAudit } from "./verify.js";

openAudit(JSON.parse(document.getElementById("ledger-data").textContent));
