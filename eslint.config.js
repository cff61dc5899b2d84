import js from "@eslint/js";
import tseslint from "typescript-eslint";

// Each rule below guards a mistake that compiles, passes a review, and bites on a real host.
const insideApply = {
  selector: "CallExpression[callee.property.name='apply'] NewExpression[callee.property]",
  message: "No resource inside .apply(): it is missing from the preview. Build it outside, pass the output.",
};
const remoteResource = {
  selector: "NewExpression[callee.property.name=/^(Command|CopyToRemote)$/]",
  message: "Only components/remote builds remote commands: it pins the host key, hides logs and bounds time.",
};
const importedRemote = {
  selector: "ImportDeclaration[importKind!='type'][source.value=/^@pulumi\\/command/]",
  message: "Only components/remote uses @pulumi/command.",
};
const configReader = {
  selector: "NewExpression[callee.property.name='Config'], NewExpression[callee.name='Config']",
  message: "Only stacks/config.ts reads stack config.",
};
const unsecret = {
  selector: "CallExpression[callee.property.name='unsecret']",
  message: "pulumi.unsecret() writes a secret into the state in clear.",
};
const stackName = {
  selector: "CallExpression[callee.property.name='getStack']",
  message: "Rules hang on facts in config, never on a stack's name.",
};

const everywhere = [insideApply, unsecret];

export default tseslint.config(
  { ignores: ["node_modules/", "rig/*/", "!rig/bench/", ".rig/", ".local/", "coverage/"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["*.js"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Registration is the side effect: a resource needs no variable.
      "no-new": "off",
      // The program reads records from files and index signatures; dots are refused there by tsc.
      "@typescript-eslint/dot-notation": "off",
      "no-restricted-syntax": [
        "error",
        ...everywhere,
        remoteResource,
        importedRemote,
        configReader,
        stackName,
      ],
    },
  },
  {
    files: ["components/remote/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...everywhere, configReader, stackName] },
  },
  {
    files: ["stacks/config.ts", "stacks/config/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...everywhere, remoteResource, importedRemote] },
  },
  {
    files: ["tests/**/*.ts"],
    rules: {
      "no-restricted-syntax": ["error", unsecret],
      "@typescript-eslint/no-unused-expressions": "off",
    },
  },
  {
    // The Pulumi mock monitor has no types; the harness is the one place that may say "any".
    files: ["tests/support/**/*.ts"],
    rules: {
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  { files: ["*.js", "*.config.ts"], extends: [tseslint.configs.disableTypeChecked] },
);
