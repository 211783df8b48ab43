import { writeFileSync } from "node:fs";

import { dashboardText } from "./dashboards.ts";
import { DASHBOARDS, type DashboardName } from "./metrics.ts";

// `npm run dashboards`: writes the committed dashboards anew from the table of metrics.
for (const name of Object.keys(DASHBOARDS) as DashboardName[]) {
  const file = new URL(`dashboards/${name}.json`, import.meta.url);
  writeFileSync(file, dashboardText(name));
  process.stdout.write(`${file.pathname}\n`);
}
