# From latent stores to the values that a classifier sees.


rule build_features:
    """Select latent values: one row per image or per patch; all positions are no copy of the store."""
    input:
        images="<results>/selection.tsv",
        digests=expand(
            "<results>/latents/{{point}}/{split}.json", split=["train", "test"]
        ),
        train=ancient("<results>/latents/{point}/train.h5"),
        test=ancient("<results>/latents/{point}/test.h5"),
    output:
        "<results>/features/{point}/{latent}/{component}/{feature}.h5",
    log:
        "<logs>/build_features/{point}/{latent}/{component}/{feature}.log",
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=1000,
    params:
        code=code_of("build_features"),
        cfg=settings("seed", "n_patches", "protocol"),
    shell:
        "python -m latentprint.steps.build_features"
        " --train-store {input.train} --test-store {input.test} --selection {input.images}"
        " --latent {wildcards.latent} --component {wildcards.component}"
        " --feature {wildcards.feature} --n-patches {params.cfg[n_patches]}"
        " --seed {params.cfg[seed]} --protocol {params.cfg[protocol]} --output {output} > {log} 2>&1"
