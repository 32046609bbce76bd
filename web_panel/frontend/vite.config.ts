import { defineConfig } from "vite";

// The built panel goes to web_panel/static, which the server serves and the wheel carries.
export default defineConfig({
  base: "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no inline scripts or styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
