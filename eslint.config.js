import tseslint from "typescript-eslint";

/**
 * The direction of imports, as drawn in ARCHITECTURE.md. Each entry names the
 * folders that a folder must not reach into.
 */
const forbidden = {
  orchestrator: [],
  pbs: ["orchestrator", "monitoring", "worker/!(contract)"],
  templates: ["orchestrator", "pbs", "monitoring", "worker/!(contract)"],
  monitoring: ["orchestrator", "pbs", "templates", "worker/!(contract)"],
  worker: ["orchestrator", "pbs", "templates"],
  "worker/contract": ["orchestrator", "pbs", "templates", "monitoring"],
};

function noImportsOf(folders, extra = []) {
  return {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          ...folders.map((folder) => ({
            group: folder.startsWith("worker/")
              ? ["**/worker/**", "!**/worker/contract", "!**/worker/contract/**"]
              : [`**/${folder}/**`],
            message: `The map in ARCHITECTURE.md forbids importing ${folder} here.`,
          })),
          ...extra,
        ],
      },
    ],
  };
}

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "**/*.mjs", "eslint.config.js"] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/require-await": "off",
    },
  },
  { files: ["pbs/**/*.ts"], rules: noImportsOf(forbidden.pbs) },
  { files: ["templates/**/*.ts"], rules: noImportsOf(forbidden.templates) },
  { files: ["monitoring/**/*.ts"], rules: noImportsOf(forbidden.monitoring) },
  {
    files: ["worker/**/*.ts"],
    ignores: ["worker/agent/**", "worker/contract/**"],
    rules: noImportsOf(forbidden.worker),
  },
  { files: ["worker/agent/**/*.ts"], rules: noImportsOf(["orchestrator", "pbs"]) },
  {
    files: ["worker/contract/**/*.ts"],
    rules: noImportsOf(forbidden["worker/contract"], [
      { group: ["../*"], message: "worker/contract imports nothing of ours." },
    ]),
  },
);
