import { build } from "esbuild";

await build({ entryPoints: ["phone.js"], bundle: true, format: "iife", outfile: process.argv[2] });
