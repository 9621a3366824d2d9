// Node-RED as the benchmark runs it: the runtime alone, everything else switched off.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.BENCH_HTTP_PORT),
  httpAdminRoot: false,
  flowFile: process.env.BENCH_FLOW,
  credentialSecret: false,
  telemetry: { enabled: false },
  logging: { console: { level: "warn", metrics: false, audit: false } },
};
