import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/one-build.ts"],
    setupFiles: ["test/support/equal-bytes.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Crash tests make many short-lived buffers, and the collector's own threads would take other tests' cores.
    execArgv: ["--max-semi-space-size=32", "--single-threaded-gc"],
    maxWorkers: 2,
  },
});

export default config;
